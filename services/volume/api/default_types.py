"""The volume types that projects get if they name none (3.62)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.platform.authentication import Authenticated
from services.platform.faults import BadRequest, NotFound
from services.platform.http import json_body, no_content
from services.platform.microversions import Version
from services.platform.strict_json import StrictJsonRoute
from services.volume.api.body import Body, Name
from services.volume.api.parts import Parts
from services.volume.api.types_of_projects import find_type
from services.volume.models import DefaultType


async def _known(version: Version) -> None:
    if version.minor < 62:
        raise NotFound("The resource could not be found.")


router = APIRouter(route_class=StrictJsonRoute, dependencies=[Depends(_known)])


class Chosen(Body):
    volume_type: Name


class ChosenBody(Body):
    default_type: Chosen


def _view(row: DefaultType) -> dict[str, Any]:
    return {"project_id": row.project_id, "volume_type_id": row.type_id}


@router.get("/default-types")
def list_default_types(context: Authenticated, parts: Parts) -> Response:
    context.require_admin()
    rows = parts.read(lambda session: session.scalars(select(DefaultType).order_by(DefaultType.project_id)).all())
    return json_body(200, {"default_types": [_view(row) for row in rows]})


@router.get("/default-types/{of_project}")
def show_default_type(of_project: str, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()
    row = parts.read(lambda session: session.get(DefaultType, of_project))
    if row is None:
        raise NotFound(f"Default type for project {of_project} not found.")
    return json_body(200, {"default_type": _view(row)})


@router.put("/default-types/{of_project}")
def set_default_type(of_project: str, body: ChosenBody, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()
    if len(of_project) > 64:
        raise BadRequest("The project id is too long.")

    def work(session: Session) -> DefaultType:
        try:
            kind = find_type(session, body.default_type.volume_type, context)
        except NotFound as fault:
            raise BadRequest(fault.message) from None
        row = session.get(DefaultType, of_project)
        if row is None:
            row = DefaultType(project_id=of_project, type_id=kind.id)
            session.add(row)
        row.type_id = kind.id
        return row

    return json_body(200, {"default_type": _view(parts.write(work))})


@router.delete("/default-types/{of_project}")
def unset_default_type(of_project: str, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()

    def work(session: Session) -> None:
        row = session.get(DefaultType, of_project)
        if row is not None:
            session.delete(row)

    parts.write(work)
    return no_content(204)

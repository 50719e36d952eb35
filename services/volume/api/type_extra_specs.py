"""The extra specs of volume types, one by one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body
from pydantic import StringConstraints
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.platform.authentication import Authenticated
from services.platform.faults import BadRequest, NotFound
from services.platform.http import json_body, no_content
from services.platform.strict_json import StrictJsonRoute
from services.platform.times import utcnow
from services.volume.api.body import Body as ClosedBody
from services.volume.api.body import Text255
from services.volume.api.parts import Parts
from services.volume.api.types import get_type, specs_for
from services.volume.models import Volume, VolumeType

router = APIRouter(route_class=StrictJsonRoute)

Key = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9\-_:.]+$")]
Specs = dict[Key, Text255 | None]


class SpecsBody(ClosedBody):
    extra_specs: Specs


def _refuse_in_use(session: Session, kind: VolumeType) -> None:
    used = select(Volume.id).where(Volume.type_id == kind.id, Volume.deleted.is_(False)).limit(1)
    if session.scalar(used) is not None:
        raise BadRequest("Volume Type is currently in use.")


def _store(kind: VolumeType, changes: Specs) -> None:
    kind.extra_specs = {**kind.extra_specs, **{key: value or "" for key, value in changes.items()}}
    kind.updated_at = utcnow()


@router.get("/types/{type_id}/extra_specs")
def list_specs(type_id: str, context: Authenticated, parts: Parts) -> Response:
    kind = parts.read(lambda session: get_type(session, type_id, context))
    return json_body(200, {"extra_specs": specs_for(kind, context)})


@router.post("/types/{type_id}/extra_specs")
def add_specs(type_id: str, body: SpecsBody, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()

    def work(session: Session) -> None:
        kind = get_type(session, type_id, context)
        _refuse_in_use(session, kind)
        _store(kind, body.extra_specs)

    parts.write(work)
    return json_body(200, {"extra_specs": body.extra_specs})


@router.get("/types/{type_id}/extra_specs/{key}")
def show_spec(type_id: str, key: str, context: Authenticated, parts: Parts) -> Response:
    specs = specs_for(parts.read(lambda session: get_type(session, type_id, context)), context)
    if key not in specs:
        raise NotFound(f"Volume Type {type_id} has no extra specs with key {key}.")
    return json_body(200, {key: specs[key]})


@router.put("/types/{type_id}/extra_specs/{key}")
def set_spec(type_id: str, key: str, body: Annotated[Specs, Body()], context: Authenticated, parts: Parts) -> Response:
    context.require_admin()
    if len(body) != 1:
        raise BadRequest("Give exactly one extra spec.")

    def work(session: Session) -> None:
        kind = get_type(session, type_id, context)
        _refuse_in_use(session, kind)
        if key not in body:
            raise BadRequest("Request body and URI mismatch")
        _store(kind, body)

    parts.write(work)
    return json_body(200, body)


@router.delete("/types/{type_id}/extra_specs/{key}")
def delete_spec(type_id: str, key: str, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()

    def work(session: Session) -> None:
        kind = get_type(session, type_id, context)
        _refuse_in_use(session, kind)
        if key not in kind.extra_specs:
            raise NotFound(f"Volume Type {type_id} has no extra specs with key {key}.")
        kind.extra_specs = {name: value for name, value in kind.extra_specs.items() if name != key}

    parts.write(work)
    return no_content(202)

"""Volume types: what kinds of volumes there are, and for administrators their making and changing."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Request
from pydantic import Field
from sqlalchemy import Select, select
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.platform.authentication import Authenticated
from services.platform.context import Context
from services.platform.faults import BadRequest, Conflict, NotFound
from services.platform.http import json_body, no_content
from services.platform.microversions import Microversion, Version
from services.platform.pagination import flag
from services.platform.strict_json import StrictJsonRoute
from services.platform.times import utcnow
from services.volume.api import listing
from services.volume.api.body import Body, Flag, Label, MetaKey, Name, Text255
from services.volume.api.links import collection_links
from services.volume.api.listing import Listing
from services.volume.api.parts import Parts
from services.volume.api.types_of_projects import default_type, may_use
from services.volume.models import DefaultType, Snapshot, TypeAccess, Volume, VolumeType

router = APIRouter(route_class=StrictJsonRoute)

#: Extra specs that say something to users; the others are for administrators.
VISIBLE_TO_USERS = ("RESKEY:availability_zones", "multiattach", "replication_enabled")

_SORT_COLUMNS: listing.Columns = {
    "created_at": VolumeType.number,
    "id": VolumeType.id,
    "name": VolumeType.name,
    "is_public": VolumeType.is_public,
}


class NewType(Body):
    name: Name
    description: Label | None = None
    extra_specs: dict[MetaKey, Text255 | None] = Field(default_factory=dict)
    is_public: Flag = Field(True, alias="os-volume-type-access:is_public")


class NewTypeBody(Body):
    volume_type: NewType


class TypeChange(Body):
    name: Text255 | None = None
    description: Label | None = None
    is_public: Flag | None = None


class TypeChangeBody(Body):
    volume_type: TypeChange


def specs_for(kind: VolumeType, context: Context) -> dict[str, str]:
    """The extra specs that the bearer may see."""
    if context.is_admin:
        return kind.extra_specs
    return {key: value for key, value in kind.extra_specs.items() if key in VISIBLE_TO_USERS}


def view(kind: VolumeType, context: Context, *, brief: bool = False) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": kind.id,
        "name": kind.name,
        "is_public": kind.is_public,
        "description": kind.description,
        "extra_specs": specs_for(kind, context),
    }
    if not brief:
        shown["os-volume-type-access:is_public"] = kind.is_public
        if context.is_admin:
            shown["qos_specs_id"] = kind.qos_specs_id
    return shown


def get_type(session: Session, type_id: str, context: Context) -> VolumeType:
    """The type with this id, if the bearer may use it. Raises NotFound, also for a name."""
    kind = session.get(VolumeType, type_id) if len(type_id) <= 36 else None
    if kind is None or not may_use(kind, context):
        raise NotFound(f"Volume type {type_id} could not be found.")
    return kind


def _chosen(request: Request, context: Context, version: Microversion) -> Select[VolumeType]:
    query = request.query_params
    chosen = select(VolumeType)
    shared = select(TypeAccess.type_id).where(TypeAccess.project_id == context.access.project_id)
    if not context.is_admin:
        chosen = chosen.where(VolumeType.is_public.is_(True) | VolumeType.id.in_(shared))
    elif (public := flag(query.get("is_public"), default=True)) is not None:
        visible = VolumeType.is_public.is_(public)
        chosen = chosen.where(visible | VolumeType.id.in_(shared) if public else visible)
    if "name" in query:
        chosen = chosen.where(VolumeType.name == query["name"])
    if version.minor >= 52:
        chosen = listing.by_metadata(chosen, VolumeType.extra_specs, query.get("extra_specs"))
    return chosen


@router.get("/types")
def list_types(request: Request, context: Authenticated, parts: Parts, version: Version) -> Response:
    page, chosen = Listing.parse(dict(request.query_params), version), _chosen(request, context, version)
    rows = parts.read(
        lambda session: page.select(
            session, chosen, _SORT_COLUMNS, VolumeType.number, lambda marker: get_type(session, marker, context)
        )
    )
    links = collection_links(request, "volume_type", [row.id for row in rows], page.page.limit)
    return json_body(200, {"volume_types": [view(row, context) for row in rows]} | links)


@router.get("/types/{type_id}")
def show_type(type_id: str, context: Authenticated, parts: Parts) -> Response:
    def work(session: Session) -> VolumeType:
        if type_id == "default":
            return default_type(session, context.access.project_id, parts.settings.default_volume_type)
        return get_type(session, type_id, context)

    return json_body(200, {"volume_type": view(parts.read(work), context)})


def _refuse_taken_name(session: Session, name: str, own_id: str) -> None:
    other = session.scalar(select(VolumeType).where(VolumeType.name == name))
    if other is not None and other.id != own_id:
        raise Conflict(f"Volume Type {name} already exists.")


@router.post("/types")
def create_type(body: NewTypeBody, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()
    wanted, type_id = body.volume_type, context.request.new_id("volume-type")

    def work(session: Session) -> VolumeType:
        found = session.get(VolumeType, type_id)
        if found is not None:
            return found
        _refuse_taken_name(session, wanted.name, type_id)
        kind = VolumeType(
            id=type_id,
            number=time.time_ns(),
            name=wanted.name,
            description=wanted.description,
            is_public=wanted.is_public,
            extra_specs={key: value or "" for key, value in wanted.extra_specs.items()},
            created_at=utcnow(),
        )
        session.add(kind)
        session.flush()
        return kind

    kind = parts.write(work)
    shown = view(kind, context, brief=True) | {"os-volume-type-access:is_public": kind.is_public}
    return json_body(200, {"volume_type": shown})


@router.put("/types/{type_id}")
def update_type(type_id: str, body: TypeChangeBody, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()
    change = body.volume_type
    if change.name is not None and not change.name.strip():
        raise BadRequest("Volume type name can not be empty.")
    if change.name is None and change.description is None and change.is_public is None:
        raise BadRequest("Specify volume type name, description, is_public or a combination thereof.")

    def work(session: Session) -> VolumeType:
        kind = get_type(session, type_id, context)
        if change.name is not None:
            _refuse_taken_name(session, change.name.strip(), kind.id)
            if kind.name == parts.settings.default_volume_type and change.name.strip() != kind.name:
                raise BadRequest(f"The volume type {kind.name} is the default volume type and cannot be renamed.")
            kind.name = change.name.strip()
        if change.description is not None:
            kind.description = change.description
        if change.is_public is not None:
            kind.is_public = change.is_public
        kind.updated_at = utcnow()
        return kind

    return json_body(200, {"volume_type": view(parts.write(work), context, brief=True)})


@router.delete("/types/{type_id}")
def delete_type(type_id: str, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()

    def work(session: Session) -> None:
        kind = get_type(session, type_id, context)
        default = select(DefaultType.project_id).where(DefaultType.type_id == kind.id).limit(1)
        if kind.name == parts.settings.default_volume_type or session.scalar(default) is not None:
            raise BadRequest(f"The volume type {kind.id} is a default volume type and cannot be deleted.")
        for model in (Volume, Snapshot):
            used = select(model.id).where(model.type_id == kind.id, model.deleted.is_(False)).limit(1)
            if session.scalar(used) is not None:
                raise BadRequest("Target volume type is still in use.")
        session.delete(kind)

    parts.write(work)
    return no_content(202)


@router.get("/types/{type_id}/os-volume-type-access")
def list_access(type_id: str, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()
    kind = parts.read(lambda session: get_type(session, type_id, context))
    if kind.is_public:
        raise NotFound("Access list not available for public volume types.")
    shown = [{"volume_type_id": kind.id, "project_id": one.project_id} for one in kind.access]
    return json_body(200, {"volume_type_access": shown})


@router.post("/types/{type_id}/action")
def change_access(type_id: str, body: dict[str, Any], context: Authenticated, parts: Parts) -> Response:
    context.require_admin()
    name, argument = next(iter(body.items())) if len(body) == 1 else ("", None)
    project = argument.get("project") if isinstance(argument, dict) and set(argument) == {"project"} else None
    if name not in ("addProjectAccess", "removeProjectAccess"):
        raise BadRequest("Give one action: addProjectAccess or removeProjectAccess.")
    if not isinstance(project, str) or not 1 <= len(project) <= 64:
        raise BadRequest("Invalid input for field/attribute project. It must be the id of a project.")

    def work(session: Session) -> None:
        kind = get_type(session, type_id, context)
        if kind.is_public:
            raise BadRequest("Invalid volume type: Type access modification is not applicable to public volume type.")
        found = session.get(TypeAccess, (kind.id, project))
        if name == "addProjectAccess":
            if found is not None:
                raise Conflict(f"Volume type access for {kind.id} / {project} combination already exists.")
            session.add(TypeAccess(type_id=kind.id, project_id=project))
        elif found is None:
            raise NotFound(f"Volume type access not found for {kind.id} / {project} combination.")
        else:
            session.delete(found)

    parts.write(work)
    return no_content(202)


@router.get("/types/{type_id}/encryption")
def show_encryption(type_id: str, context: Authenticated, parts: Parts) -> Response:
    """There is no encryption here, so no type has any."""
    context.require_admin()
    parts.read(lambda session: get_type(session, type_id, context))
    return json_body(200, {})

"""Attachments (3.27 and later): reserve, connect, complete, detach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field
from sqlalchemy import Select, select
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.platform.authentication import Authenticated
from services.platform.context import Context
from services.platform.faults import BadRequest, NotFound
from services.platform.http import json_body, no_content
from services.platform.microversions import Microversion, Version
from services.platform.strict_json import StrictJsonRoute
from services.volume.api import listing
from services.volume.api.body import Body, Uuid, since
from services.volume.api.listing import Listing
from services.volume.api.parts import ApiParts, Parts
from services.volume.api.service_callers import FromService
from services.volume.api.volume_queries import find_volume
from services.volume.api.volume_views import moment
from services.volume.attaching import complete, connect, detach, refuse_in_use_by_server, reserve
from services.volume.models import Attachment, Volume

router = APIRouter(route_class=StrictJsonRoute)

_SORT_COLUMNS: listing.Columns = {
    "created_at": Attachment.number,
    "id": Attachment.id,
    "volume_id": Attachment.volume_id,
    "instance_uuid": Attachment.instance_uuid,
    "attach_status": Attachment.status,
}
_FILTERS: listing.Columns = {
    "volume_id": Attachment.volume_id,
    "instance_id": Attachment.instance_uuid,
    "status": Attachment.status,
    "attach_status": Attachment.status,
}


class NewAttachment(Body):
    volume_uuid: Uuid
    instance_uuid: Uuid | None = None
    connector: dict[str, Any] | None = None
    mode: Literal["rw", "ro"] | None = None


class NewAttachmentBody(Body):
    attachment: NewAttachment


class AttachmentChange(Body):
    connector: Annotated[dict[str, Any], Field(min_length=1)]


class AttachmentChangeBody(Body):
    attachment: AttachmentChange


def _known(version: Microversion, minor: int = 27) -> None:
    if version.minor < minor:
        raise NotFound("The resource could not be found.")


def _brief(row: Attachment) -> dict[str, Any]:
    return {"id": row.id, "status": row.status, "instance": row.instance_uuid, "volume_id": row.volume_id}


def _detail(row: Attachment) -> dict[str, Any]:
    return _brief(row) | {
        "attached_at": moment(row.attached_at) or "",
        "detached_at": moment(row.detached_at) or "",
        "attach_mode": row.attach_mode or "null",
        "connection_info": row.connection_info or {},
    }


def _find(session: Session, attachment_id: str, context: Context) -> Attachment:
    row = session.get(Attachment, attachment_id) if len(attachment_id) <= 36 else None
    if row is None or row.deleted or not context.sees_project(row.project_id):
        raise NotFound(f"Volume attachment could not be found with filter: attachment_id = {attachment_id}.")
    return row


def _volume_of(session: Session, row: Attachment) -> Volume:
    volume = session.get(Volume, row.volume_id)
    if volume is None or volume.deleted:
        raise NotFound(f"Volume {row.volume_id} could not be found.")
    return volume


def _chosen(query: Mapping[str, str], context: Context, version: Microversion) -> Select[Attachment]:
    listing.refuse_unknown(query, frozenset(_FILTERS), context, version)
    chosen = select(Attachment).where(Attachment.deleted.is_(False))
    if not listing.everyone(query, context):
        chosen = chosen.where(Attachment.project_id == context.project_id)
    return listing.by_values(chosen, query, _FILTERS, version)


def _list(request: Request, context: Context, parts: ApiParts, version: Microversion) -> list[Attachment]:
    _known(version)
    query = dict(request.query_params)
    page, chosen = Listing.parse(query, version), _chosen(query, context, version)
    return parts.read(
        lambda session: page.select(
            session, chosen, _SORT_COLUMNS, Attachment.number, lambda marker: _find(session, marker, context)
        )
    )


@router.get("/attachments")
def list_attachments(request: Request, context: Authenticated, parts: Parts, version: Version) -> Response:
    return json_body(200, {"attachments": [_brief(row) for row in _list(request, context, parts, version)]})


@router.get("/attachments/detail")
def list_attachments_in_detail(request: Request, context: Authenticated, parts: Parts, version: Version) -> Response:
    return json_body(200, {"attachments": [_detail(row) for row in _list(request, context, parts, version)]})


@router.get("/attachments/{attachment_id}")
def show_attachment(attachment_id: str, context: Authenticated, parts: Parts, version: Version) -> Response:
    _known(version)
    row = parts.read(lambda session: _find(session, attachment_id, context))
    return json_body(200, {"attachment": _detail(row)})


@router.post("/attachments")
def create_attachment(body: NewAttachmentBody, context: Authenticated, parts: Parts, version: Version) -> Response:
    _known(version)
    context.require_writer()
    wanted = body.attachment
    since(version, {"mode": 54}, wanted.model_fields_set)

    def work(session: Session) -> Attachment:
        volume = find_volume(session, wanted.volume_uuid, context)
        if "error" in volume.status:
            raise BadRequest(
                f"Invalid volume: Volume attachments can not be created if the volume is in an error state. The Volume "
                f"{volume.id} currently has a status of: {volume.status}"
            )
        row = reserve(session, volume, context, wanted.instance_uuid)
        row.attach_mode = "ro" if volume.readonly else (row.attach_mode or wanted.mode)
        if wanted.connector:
            connect(session, volume, row, wanted.connector, parts.settings.store_url, context)
        return row

    return json_body(200, {"attachment": _detail(parts.write(work))})


@router.put("/attachments/{attachment_id}")
def update_attachment(
    attachment_id: str, body: AttachmentChangeBody, context: Authenticated, parts: Parts, version: Version
) -> Response:
    _known(version)
    context.require_writer()

    def work(session: Session) -> Attachment:
        row = _find(session, attachment_id, context)
        volume = _volume_of(session, row)
        connect(session, volume, row, body.attachment.connector, parts.settings.store_url, context)
        return row

    return json_body(200, {"attachment": _detail(parts.write(work))})


@router.post("/attachments/{attachment_id}/action")
def act_on_attachment(
    attachment_id: str, body: dict[str, Any], context: Authenticated, parts: Parts, version: Version
) -> Response:
    _known(version, 44)
    context.require_writer()
    if set(body) != {"os-complete"}:
        raise BadRequest("There is one action on attachments: os-complete.")

    def work(session: Session) -> None:
        row = _find(session, attachment_id, context)
        complete(session, _volume_of(session, row), row, context)

    parts.write(work)
    return no_content(204)


@router.delete("/attachments/{attachment_id}")
def delete_attachment(
    attachment_id: str, context: Authenticated, parts: Parts, version: Version, from_service: FromService
) -> Response:
    _known(version)
    context.require_writer()

    def work(session: Session) -> list[Attachment]:
        row = _find(session, attachment_id, context)
        refuse_in_use_by_server(row, context, is_service=from_service)
        return detach(session, _volume_of(session, row), row, context)

    return json_body(200, {"attachments": [_brief(row) for row in parts.write(work)]})

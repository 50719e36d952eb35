"""A server's volumes: attach, list, show, change, detach."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import StringConstraints
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.compute import topics
from services.compute.api.attach import NewVolume, begin_attach, begin_detach, check_state, find_attachment
from services.compute.api.body import Body, Flag, Uuid, since
from services.compute.api.intents import refuse_locked
from services.compute.api.parts import ApiParts, Parts
from services.compute.api.server_bodies import Tag
from services.compute.api.server_queries import find_server
from services.compute.api.usable_volumes import check_zone, find_volume, refuse_elsewhere
from services.compute.api.zones import view_hosts
from services.compute.attachments import attachments_of, is_shown
from services.compute.models import VolumeAttachment
from services.platform.authentication import Authenticated
from services.platform.context import Context
from services.platform.faults import BadRequest, Conflict, Forbidden, NotFound
from services.platform.http import json_body, no_content
from services.platform.microversions import Microversion, Version
from services.platform.pagination import Page
from services.platform.strict_json import StrictJsonRoute

router = APIRouter(route_class=StrictJsonRoute)

Device = Annotated[str, StringConstraints(max_length=32, pattern=r"^/dev/x?[a-z]?d[a-z]+[0-9]*$")]

_SINCE = {"tag": 49, "delete_on_termination": 79}
_CHANGE_SINCE = dict.fromkeys(("id", "server_id", "device", "tag", "delete_on_termination"), 85)


class NewAttachment(Body):
    volumeId: Uuid  # noqa: N815 - the wire's name, so that a fault names it too
    device: Device | None = None
    tag: Tag | None = None
    delete_on_termination: Flag = False


class NewAttachmentBody(Body):
    volumeAttachment: NewAttachment  # noqa: N815


class AttachmentChange(Body):
    volumeId: Uuid  # noqa: N815
    id: Uuid | None = None
    serverId: Uuid | None = None  # noqa: N815
    device: Device | None = None
    tag: Tag | None = None
    delete_on_termination: Flag | None = None


class AttachmentChangeBody(Body):
    volumeAttachment: AttachmentChange  # noqa: N815


def view(row: VolumeAttachment, version: Microversion) -> dict[str, Any]:
    shown: dict[str, Any] = {} if version.minor >= 89 else {"id": row.volume_id}
    shown |= {"serverId": row.instance_id, "volumeId": row.volume_id, "device": row.device}
    if version.minor >= 70:
        shown["tag"] = row.tag
    if version.minor >= 79:
        shown["delete_on_termination"] = row.delete_on_termination
    if version.minor >= 89:
        shown |= {"bdm_uuid": row.id, "attachment_id": row.attachment_id}
    return shown


@router.get("/servers/{server_id}/os-volume_attachments")
def list_attachments(
    request: Request, server_id: str, context: Authenticated, parts: Parts, version: Version
) -> Response:
    query = request.query_params
    page, offset = Page.parse(query.get("limit"), None), Page.parse(query.get("offset"), None, default=0).limit

    def work(session: Session) -> list[VolumeAttachment]:
        find_server(session, server_id, context)
        return [row for row in attachments_of(session, [server_id]) if is_shown(row)]

    rows = parts.transactor.read(work)[offset : offset + page.limit]
    return json_body(200, {"volumeAttachments": [view(row, version) for row in rows]})


@router.get("/servers/{server_id}/os-volume_attachments/{volume_id}")
def show_attachment(server_id: str, volume_id: str, context: Authenticated, parts: Parts, version: Version) -> Response:
    def work(session: Session) -> VolumeAttachment:
        find_server(session, server_id, context)
        return find_attachment(session, server_id, volume_id)

    return json_body(200, {"volumeAttachment": view(parts.transactor.read(work), version)})


def _zone_of(session: Session, server_id: str, context: Context, parts: ApiParts) -> str | None:
    """The zone of a server that may have another volume now. Raises NotFound, Conflict."""
    instance = find_server(session, server_id, context)
    refuse_locked(instance, context)
    check_state(session, instance, "attach_volume", context)
    return next((host.zone for host in view_hosts(session, parts) if host.host == instance.host), None)


@router.post("/servers/{server_id}/os-volume_attachments")
def attach_volume(
    server_id: str, body: NewAttachmentBody, context: Authenticated, parts: Parts, version: Version
) -> Response:
    context.require_writer()
    wanted = body.volumeAttachment
    since(version, _SINCE, wanted.model_fields_set)
    new = NewVolume(wanted.volumeId, wanted.device, wanted.tag, wanted.delete_on_termination)
    done = parts.transactor.read(lambda session: new.done_before(session, server_id, context))
    if done is None:
        zone = parts.transactor.read(lambda session: _zone_of(session, server_id, context, parts))
        volume = find_volume(wanted.volumeId, context, parts)
        if volume is None:
            refuse_elsewhere(wanted.volumeId, context, parts)
            raise NotFound(f"Volume {wanted.volumeId} could not be found.")
        if volume.multiattach and version.minor < 60:
            raise BadRequest("Multiattach volumes are only supported starting with compute API version 2.60.")
        check_zone(volume, zone, f"Instance {server_id}", parts)
        checked = volume
        done = parts.transactor.write(lambda session: begin_attach(session, server_id, new, checked, context))
    parts.hints.send(topics.CONDUCTOR, "attachments", attachment_ids=[done.id])
    shown: dict[str, Any] = {"id": done.volume_id, "serverId": server_id, "volumeId": done.volume_id}
    shown["device"] = done.device
    if version.minor >= 70:
        shown["tag"] = done.tag
    if version.minor >= 79:
        shown["delete_on_termination"] = done.delete_on_termination
    return json_body(200, {"volumeAttachment": shown})


@router.put("/servers/{server_id}/os-volume_attachments/{volume_id}")
def update_attachment(
    server_id: str,
    volume_id: str,
    body: AttachmentChangeBody,
    context: Authenticated,
    parts: Parts,
    version: Version,
) -> Response:
    context.require_writer()
    change = body.volumeAttachment
    since(version, _CHANGE_SINCE, {"server_id" if name == "serverId" else name for name in change.model_fields_set})

    def work(session: Session) -> None:
        instance = find_server(session, server_id, context)
        refuse_locked(instance, context)
        row = find_attachment(session, server_id, volume_id)
        if change.volumeId != volume_id:
            _refuse_swap(context)
        if version.minor < 85:
            raise BadRequest(f"Volume {volume_id} is the one that is attached: there is nothing to swap.")
        for name, given, known in (
            ("id", change.id, volume_id),
            ("serverId", change.serverId, server_id),
            ("device", change.device, row.device),
            ("tag", change.tag, row.tag),
        ):
            if given not in (None, known):
                raise BadRequest(f"The {name} of a volume attachment cannot be changed from {known} to {given}.")
        if change.delete_on_termination is not None:
            row.delete_on_termination = change.delete_on_termination

    parts.transactor.write(work)
    return no_content(202)


def _refuse_swap(context: Context) -> None:
    """Swapping copies a volume under a running guest; it is for the volume service's own migrations."""
    if not context.is_admin:
        raise Forbidden("Policy doesn't allow os_compute_api:os-volumes-attachments:swap to be performed.")
    raise Conflict("Volumes are not swapped here. Detach the one and attach the other.")


@router.delete("/servers/{server_id}/os-volume_attachments/{volume_id}")
def detach_volume(server_id: str, volume_id: str, context: Authenticated, parts: Parts) -> Response:
    context.require_writer()
    row_id = parts.transactor.write(lambda session: begin_detach(session, server_id, volume_id, context))
    parts.hints.send(topics.CONDUCTOR, "attachments", attachment_ids=[row_id])
    return no_content(202)

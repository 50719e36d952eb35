"""The older way to attach: actions on the volume, used by clients that do not know the attachments API."""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy.orm import Session
from starlette.responses import Response

from services.platform.faults import BadRequest
from services.platform.http import json_body, no_content
from services.platform.times import utcnow
from services.volume.api.action import Action
from services.volume.api.body import Body, Text255, Uuid
from services.volume.api.volume_queries import find_volume
from services.volume.attaching import detach, new_attachment, refuse_in_use_by_server
from services.volume.connection import DRIVER, connection_data, mode_of
from services.volume.models import Attachment, Volume
from services.volume.rows import attachments_of, change_volume
from services.volume.states import AttachStatus


class Attach(Body):
    mountpoint: Text255
    instance_uuid: Uuid | None = None
    host_name: Text255 | None = None
    mode: Literal["rw", "ro"] = "rw"


class Detach(Body):
    attachment_id: Uuid | None = None


class ForceDetach(Body):
    attachment_id: Text255 | None = None
    connector: dict[str, Any] | str | None = None


class Connector(Body):
    connector: dict[str, Any] | str | None


def _change(action: Action, event: str, *, several: bool = False) -> Response:
    """An event that only changes the volume's status. `several`: there is one of its own for multiattach volumes."""

    def work(session: Session) -> None:
        row = find_volume(session, action.volume_id, action.context)
        name = f"{event}-another" if several and row.multiattach else event
        change_volume(session, row, name, action.request_id, utcnow(), leaving=attachments_of(session, [row.id]))

    action.parts.write(work)
    return no_content(202)


def reserve(action: Action) -> Response:
    return _change(action, "mark-attaching", several=True)


def unreserve(action: Action) -> Response:
    def work(session: Session) -> None:
        _unmark(session, find_volume(session, action.volume_id, action.context), action)

    action.parts.write(work)
    return no_content(202)


def _unmark(session: Session, row: Volume, action: Action) -> None:
    """Back to what the attachments say; nothing where it was not marked."""
    if row.status == "attaching":
        left = attachments_of(session, [row.id])
        change_volume(session, row, "unmark-attaching", action.request_id, utcnow(), leaving=left)


def begin_detaching(action: Action) -> Response:
    return _change(action, "begin-detaching")


def roll_detaching(action: Action) -> Response:
    def work(session: Session) -> None:
        row = find_volume(session, action.volume_id, action.context)
        if row.status == "detaching":
            change_volume(session, row, "roll-detaching", action.request_id, utcnow())

    action.parts.write(work)
    return no_content(202)


def attach(action: Action) -> Response:
    wanted = action.parse(Attach)
    if wanted.instance_uuid is None and wanted.host_name is None:
        raise BadRequest("Invalid input for field/attribute os-attach. Give an instance_uuid or a host_name.")

    def work(session: Session) -> None:
        row = find_volume(session, action.volume_id, action.context)
        attachment_id = action.context.request.new_id("attachment")
        if session.get(Attachment, attachment_id) is not None:
            return
        if row.readonly and wanted.mode != "ro":
            raise BadRequest(f"Invalid attaching mode '{wanted.mode}' for volume {row.id}.")
        change_volume(session, row, "attach-another" if row.multiattach else "attach", action.request_id, utcnow())
        row.readonly = bool(row.readonly)
        made = new_attachment(row, attachment_id, wanted.instance_uuid, AttachStatus.ATTACHED)
        made.attached_host, made.mountpoint = wanted.host_name, wanted.mountpoint
        made.attach_mode, made.attached_at = wanted.mode, utcnow()
        session.add(made)

    action.parts.write(work)
    return no_content(202)


def _detach(session: Session, action: Action, attachment_id: str | None) -> None:
    row = find_volume(session, action.volume_id, action.context)
    if row.changed_by == action.request_id:
        return
    there = attachments_of(session, [row.id])
    if attachment_id is None and len(there) > 1:
        raise BadRequest(
            "Invalid volume: Detach volume failed: More than one attachment, but no attachment_id provided."
        )
    chosen = next((one for one in there if attachment_id in (None, one.id)), None)
    if chosen is None:
        if attachment_id is not None:
            raise BadRequest(f"Volume attachment could not be found with filter: attachment_id = {attachment_id}.")
        if row.status not in ("available", "in-use", "detaching", "attaching"):
            raise BadRequest(f"Invalid volume: Volume {row.id} is {row.status} and not attached.")
        if row.status != "available":
            change_volume(session, row, "detach", action.request_id, utcnow())
        return
    refuse_in_use_by_server(chosen, action.context, is_service=action.from_service)
    detach(session, row, chosen, action.context)


def end_attachment(action: Action) -> Response:
    wanted = action.parse(Detach) if action.argument is not None else Detach()
    action.parts.write(lambda session: _detach(session, action, wanted.attachment_id))
    return no_content(202)


def force_detach(action: Action) -> Response:
    action.context.require_admin()
    wanted = action.parse(ForceDetach)
    action.parts.write(lambda session: _detach(session, action, wanted.attachment_id))
    return no_content(202)


def initialize_connection(action: Action) -> Response:
    connector = action.parse(Connector).connector
    if not isinstance(connector, dict):
        raise BadRequest("Invalid input for field/attribute connector. It must be an object.")
    row = action.parts.read(lambda session: find_volume(session, action.volume_id, action.context))
    if row.status == "maintenance":
        raise BadRequest("Invalid volume: The volume connection cannot be initialized in maintenance mode.")
    mode = mode_of(row.readonly, None, connector)
    data = connection_data(action.parts.settings.store_url, row.id, None, mode)
    info = {"driver_volume_type": DRIVER, "data": data, "enforce_multipath": bool(connector.get("enforce_multipath"))}
    return json_body(200, {"connection_info": info})


def terminate_connection(action: Action) -> Response:
    action.parse(Connector)

    def work(session: Session) -> None:
        row = find_volume(session, action.volume_id, action.context)
        there = attachments_of(session, [row.id])
        if len(there) == 1:
            refuse_in_use_by_server(there[0], action.context, is_service=action.from_service)
        _unmark(session, row, action)

    action.parts.write(work)
    return no_content(202)

"""Attachments: what servers, or hosts, have a volume. Always inside somebody's transaction.

The life of one: reserved (nobody else may take the volume), attaching (whoever attaches it knows how to reach it),
attached (it is in use), detached. The volume's own status follows from its attachments' (`states`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from services.platform.context import Context
from services.platform.faults import BadRequest, Conflict
from services.platform.times import utcnow
from services.volume.connection import DRIVER, connection_data, mode_of
from services.volume.models import Attachment, Volume
from services.volume.rows import attachments_of, change_volume, hold
from services.volume.states import AttachStatus, IllegalTransition, attachment_after


def new_attachment(volume: Volume, attachment_id: str, instance_uuid: str | None, status: AttachStatus) -> Attachment:
    return Attachment(
        id=attachment_id,
        number=time.time_ns(),
        volume_id=volume.id,
        project_id=volume.project_id,
        instance_uuid=instance_uuid,
        status=status,
        created_at=utcnow(),
        deleted=False,
    )


def reserve(session: Session, volume: Volume, context: Context, instance_uuid: str | None) -> Attachment:
    """Keep the volume for a server, or for the host that will be named later. Raises BadRequest.

    A server that has the volume already may reserve it again: it may be about to move to another host.
    """
    attachment_id = context.request.new_id("attachment")
    found = session.get(Attachment, attachment_id)
    if found is not None:
        return found
    others = attachments_of(session, [volume.id])
    moving = instance_uuid is not None and instance_uuid in {one.instance_uuid for one in others}
    if moving and volume.status in ("in-use", "reserved", "attaching"):
        hold(volume)
    else:
        event = "reserve-another" if volume.multiattach else "reserve"
        change_volume(session, volume, event, context.request.request_id, utcnow())
    row = new_attachment(volume, attachment_id, instance_uuid, AttachStatus.RESERVED)
    session.add(row)
    session.flush()
    return row


def connect(
    session: Session,
    volume: Volume,
    row: Attachment,
    connector: Mapping[str, Any],
    store_url: str,
    context: Context,
) -> None:
    """Tell whoever attaches the volume how to reach it. Raises BadRequest, Conflict.

    A host that has it already hears the same again and keeps it: its first question may have come late.
    """
    host = connector.get("host")
    if row.status == AttachStatus.ATTACHED and host and row.attached_host == host:
        return
    others = [one for one in attachments_of(session, [volume.id]) if one.id != row.id]
    if not volume.multiattach and host and any(one.attached_host == host and one.connector for one in others):
        raise Conflict(f"duplicate connectors detected on volume {volume.id}")
    now = utcnow()
    mode = mode_of(volume.readonly, row.attach_mode, connector)
    row.status = _after(row, "connect")
    row.connector = dict(connector)
    row.attached_host = _text(host)
    row.mountpoint = _text(connector.get("mountpoint")) or row.mountpoint
    row.attach_mode, row.attached_at = mode, now
    row.connection_info = {"driver_volume_type": DRIVER, **connection_data(store_url, volume.id, row.id, mode)}
    # A request that reserves and connects at once changes the volume twice.
    change_volume(session, volume, "connect", f"{context.request.request_id}:connect", now)


def complete(session: Session, volume: Volume, row: Attachment, context: Context) -> None:
    """The server has it: the volume is in use. Raises BadRequest."""
    row.status = _after(row, "complete")
    row.attached_at = row.attached_at or utcnow()
    change_volume(session, volume, "complete", context.request.request_id, utcnow())


def detach(session: Session, volume: Volume, row: Attachment, context: Context) -> list[Attachment]:
    """Take the volume away again; returns the attachments that are left. Raises BadRequest."""
    now = utcnow()
    row.status = _after(row, "detach")
    row.deleted, row.detached_at = True, now
    left = [one for one in attachments_of(session, [volume.id]) if one.id != row.id]
    change_volume(session, volume, "detach", context.request.request_id, now, leaving=left)
    return left


def refuse_in_use_by_server(row: Attachment, context: Context, *, is_service: bool) -> None:
    """Raises Conflict where a user would take a volume from under a server: that goes through compute."""
    if is_service or context.is_admin or not row.instance_uuid or not row.connection_info:
        return
    raise Conflict(f"Detach volume from instance {row.instance_uuid} using the Compute API")


def _after(row: Attachment, event: str) -> AttachStatus:
    try:
        return attachment_after(event, AttachStatus(row.status))
    except IllegalTransition as problem:
        raise BadRequest(f"Invalid volume: Attachment {row.id} does not allow {problem}.") from None


def _text(value: object) -> str | None:
    return str(value)[:255] if value is not None else None

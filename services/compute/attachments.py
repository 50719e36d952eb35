"""What the processes do to the rows of volume attachments, always inside somebody's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.compute.attachment_states import LEAVING, ON_A_HOST, ORDERS, RELEASED, RESTING, AttachmentStatus, after
from services.compute.models import Instance, InstanceAction, VolumeAttachment
from services.compute.states import VmState

#: How long after a step its row is looked at again, in case the hint or its effect was lost.
PATIENCE = timedelta(seconds=1.5)


def status_of(row: VolumeAttachment) -> AttachmentStatus:
    return AttachmentStatus(row.status)


def attachments_of(session: Session, instance_ids: Iterable[str]) -> list[VolumeAttachment]:
    """What these servers have, or are about to have or to lose; in the order in which it was asked for."""
    chosen = select(VolumeAttachment).where(
        VolumeAttachment.instance_id.in_(list(instance_ids)), VolumeAttachment.status != AttachmentStatus.DETACHED
    )
    return list(session.scalars(chosen.order_by(VolumeAttachment.number, VolumeAttachment.id)))


def find_pair(session: Session, instance_id: str, volume_id: str) -> VolumeAttachment | None:
    """The row of a volume at a server, also where it has been detached."""
    return session.scalar(
        select(VolumeAttachment).where(
            VolumeAttachment.instance_id == instance_id, VolumeAttachment.volume_id == volume_id
        )
    )


def is_shown(row: VolumeAttachment) -> bool:
    """Whether the server has the volume, or is about to have or to lose it."""
    return row.volume_id is not None and status_of(row) not in RELEASED


def has_a_guest(instance: Instance) -> bool:
    """Whether its host is to be told of a volume. While a server is being built, its guest is made with its volumes."""
    return instance.host is not None and not instance.deleted and instance.vm_state != VmState.BUILDING


def redirect(row: VolumeAttachment, status: AttachmentStatus, request_id: str, now: datetime) -> None:
    """Something else is to be done from now on; whoever is at the row, and whatever the host still reports, is late."""
    row.status, row.op, row.failures, row.holder = status, row.op + 1, 0, None
    row.request_id, row.updated_at, row.sealed_token = request_id, now, None
    row.check_at = None if status in RESTING else now + PATIENCE


def release_all(session: Session, instance: Instance, request_id: str, now: datetime) -> list[str]:
    """The server's guest is gone, or never was: give back its volumes. The rows that there is work for now."""
    rows = [row for row in attachments_of(session, [instance.id]) if status_of(row) not in RELEASED]
    for row in rows:
        if status_of(row) is not AttachmentStatus.RELEASING:
            # One that was being detached already was to stay.
            row.delete_volume = row.delete_on_termination and status_of(row) not in LEAVING
            redirect(row, AttachmentStatus.RELEASING, request_id, now)
    return [row.id for row in rows]


def abandon(session: Session, instance: Instance, now: datetime) -> None:
    """The server will not be built: give back its volumes; those that were made for it, and only for it, go."""
    for row in attachments_of(session, [instance.id]):
        if status_of(row) in RELEASED:
            continue
        row.delete_volume = row.delete_on_termination and row.source_type != "volume"
        if status_of(row) not in LEAVING:
            redirect(row, AttachmentStatus.RELEASING, row.request_id, now)


def leave_host(session: Session, instance: Instance, now: datetime) -> None:
    """The server will be built on another host: what the volume service knows of the old one is to be said anew."""
    for row in attachments_of(session, [instance.id]):
        if status_of(row) in ON_A_HOST:
            redirect(row, AttachmentStatus.CONNECTING, row.request_id, now)


def begin_work(session: Session, instance: Instance, now: datetime) -> list[str]:
    """The rows that must come to an end before the server's guest can be made; each is due from now on."""
    rows = [row for row in attachments_of(session, [instance.id]) if status_of(row) not in RESTING]
    for row in rows:
        row.check_at = row.check_at or now + PATIENCE
    return [row.id for row in rows]


def finish_step(session: Session, row: VolumeAttachment, *, succeeded: bool, problem: str, now: datetime) -> None:
    """The step that the row stood for has ended. Notes the end of what the user asked for."""
    before = status_of(row)
    row.status = after(before, succeeded=succeeded, delete_volume=row.delete_volume)
    row.failures, row.holder, row.updated_at = 0, None, now
    row.check_at = None if status_of(row) in RESTING else now + PATIENCE
    if before is AttachmentStatus.CREATING:
        row.sealed_token = None
    if status_of(row) in ORDERS:
        row.op += 1
    if status_of(row) is AttachmentStatus.DETACHED:
        row.attachment_id = row.connection = None
        row.delete_volume = False
    note_end(session, row, before, succeeded=succeeded, problem=problem, now=now)


#: What a step's end is called in the history of the action that began it.
_EVENTS: dict[tuple[AttachmentStatus, bool], str] = {
    (AttachmentStatus.RESERVING, False): "compute_reserve_block_device_name",
    (AttachmentStatus.CONNECTING, False): "compute_attach_volume",
    (AttachmentStatus.ATTACHING, False): "compute_attach_volume",
    (AttachmentStatus.COMPLETING, False): "compute_attach_volume",
    (AttachmentStatus.COMPLETING, True): "compute_attach_volume",
    (AttachmentStatus.RELEASING, True): "compute_detach_volume",
}


def note_end(
    session: Session, row: VolumeAttachment, before: AttachmentStatus, *, succeeded: bool, problem: str, now: datetime
) -> None:
    """Add it to the history of the request that asked for the volume to come or to go."""
    action = session.get(InstanceAction, (row.instance_id, row.request_id))
    name = _EVENTS.get((before, succeeded))
    if action is None or name is None or action.action not in ("attach_volume", "detach_volume"):
        return
    if (action.action == "attach_volume") == (name == "compute_detach_volume"):
        return
    event = {
        "event": name,
        "start_time": action.start_time.isoformat(),
        "finish_time": now.isoformat(),
        "result": "Success" if succeeded else "Error",
        "host": None,
    }
    action.events = [*action.events, event]
    action.updated_at = now
    if not succeeded:
        action.message = problem


def volume_spec(row: VolumeAttachment) -> dict[str, Any]:
    """What a host is told of a volume."""
    return {
        "id": row.volume_id,
        "op": row.op,
        "device": row.device,
        "attachment_id": row.attachment_id,
        "connection": row.connection,
    }


def attachment_order(row: VolumeAttachment, order: str) -> dict[str, Any]:
    """The message to the agent of the server's host."""
    return {
        "instance_id": row.instance_id,
        "op": row.op,
        "order": order,
        "request_id": row.request_id,
        "volume": volume_spec(row),
    }


def is_prepared(rows: Sequence[VolumeAttachment]) -> bool:
    """Whether a guest can be made with these volumes."""
    return all(status_of(row) is AttachmentStatus.ATTACHED for row in rows)

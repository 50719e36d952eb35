"""Storing that a volume is to come to a server, or to go. Always inside somebody's transaction."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy.orm import Session

from services.compute import device_names
from services.compute.api.intents import record_action, refuse_locked
from services.compute.api.server_queries import find_server
from services.compute.api.usable_volumes import check_status, refuse_taken
from services.compute.attachment_states import LEAVING, RELEASED, AttachmentStatus
from services.compute.attachments import attachments_of, find_pair, redirect, status_of
from services.compute.device_names import InvalidName, NoNameLeft
from services.compute.models import Instance, InstanceAction, VolumeAttachment
from services.compute.states import IllegalTransition, Task, VmState, allow
from services.compute.volume_service import VolumeView
from services.platform.context import Context
from services.platform.faults import BadRequest, Conflict, Forbidden, NotFound
from services.platform.times import utcnow


@dataclass(frozen=True, slots=True)
class NewVolume:
    """What a request asks for."""

    volume_id: str
    device: str | None
    tag: str | None
    delete_on_termination: bool

    def done_before(self, session: Session, server_id: str, context: Context) -> VolumeAttachment | None:
        """The row that an earlier run of this very request stored."""
        find_server(session, server_id, context)
        row = find_pair(session, server_id, self.volume_id)
        return row if row is not None and row.request_id == context.request.request_id else None


def check_state(session: Session, instance: Instance, action: str, context: Context) -> None:
    """Raises Conflict where the server's state does not allow the action now."""
    try:
        allow(action, VmState(instance.vm_state), Task(instance.task_state) if instance.task_state else None)
    except IllegalTransition:
        what = f"task_state {instance.task_state}" if instance.task_state else f"vm_state {instance.vm_state}"
        raise Conflict(f"Cannot '{action}' instance {instance.id} while it is in {what}") from None


def find_attachment(session: Session, server_id: str, volume_id: str) -> VolumeAttachment:
    """The volume at the server. Raises NotFound."""
    row = find_pair(session, server_id, volume_id[:40])
    if row is None or status_of(row) in RELEASED:
        raise NotFound(f"Volume {volume_id} is not attached to instance {server_id}.")
    return row


def begin_attach(
    session: Session, server_id: str, new: NewVolume, volume: VolumeView, context: Context
) -> VolumeAttachment:
    """The row, new or the one that an earlier run stored. Raises NotFound, Conflict, BadRequest, Forbidden."""
    done = new.done_before(session, server_id, context)
    if done is not None:
        return done
    instance = find_server(session, server_id, context)
    refuse_locked(instance, context)
    check_state(session, instance, "attach_volume", context)
    row = find_pair(session, server_id, volume.id)
    if row is not None and status_of(row) is not AttachmentStatus.DETACHED:
        raise BadRequest(f"Invalid volume: volume {volume.id} already attached")
    check_status(volume)
    refuse_taken(session, volume.id, multiattach=volume.multiattach)
    now = utcnow()
    instance.updated_at = now  # two requests at once must not choose the same device
    device = choose_device(new.device, [other.device for other in attachments_of(session, [server_id])])
    if row is None:
        row = VolumeAttachment(
            id=context.request.new_id("volume-attachment"), instance_id=server_id, volume_id=volume.id, op=0,
            created_at=now, source_type="volume",
        )  # fmt: skip
        session.add(row)
    row.number, row.device, row.tag, row.multiattach = time.time_ns(), device, new.tag, volume.multiattach
    row.boot_index, row.delete_on_termination, row.delete_volume = None, new.delete_on_termination, False
    redirect(row, AttachmentStatus.RESERVING, context.request.request_id, now)
    record_action(session, instance, "attach_volume", context)
    session.flush()
    return row


def choose_device(wanted: str | None, used: list[str]) -> str:
    """The name of one more disk. Raises Conflict, BadRequest, Forbidden."""
    taken = [name for name in used if name] + [device_names.ROOT]
    try:
        if wanted is None:
            return device_names.next_free(taken)
        if not device_names.is_free(wanted, taken):
            raise Conflict(f"The supplied device path ({wanted}) is in use.")
        return device_names.normal(wanted)
    except InvalidName:
        raise BadRequest(f"The supplied device path ({wanted}) is invalid.") from None
    except NoNameLeft:
        raise Forbidden(
            f"The maximum allowed number of disk devices ({device_names.MOST}) to attach to a single instance has been "
            f"exceeded."
        ) from None


def begin_detach(session: Session, server_id: str, volume_id: str, context: Context) -> str:
    """Store that the volume is to go; the row's id. Raises NotFound, Conflict, BadRequest."""
    instance = find_server(session, server_id, context)
    row = find_pair(session, server_id, volume_id[:40])
    if row is not None and session.get(InstanceAction, (server_id, context.request.request_id)) is not None:
        return row.id
    row = find_attachment(session, server_id, volume_id)
    refuse_locked(instance, context)
    check_state(session, instance, "detach_volume", context)
    if row.boot_index == 0:
        raise BadRequest("Cannot detach a root device volume")
    if status_of(row) in LEAVING:
        raise BadRequest(f"Invalid volume: volume {volume_id} is being detached already")
    record_action(session, instance, "detach_volume", context)
    redirect(row, AttachmentStatus.DETACHING, context.request.request_id, utcnow())
    return row.id

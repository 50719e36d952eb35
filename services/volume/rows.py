"""What requests do to the rows of volumes and snapshots, always inside somebody's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from services.platform.faults import BadRequest
from services.volume.models import Attachment, Snapshot, Volume
from services.volume.states import (
    SNAPSHOT_WORK,
    VOLUME_WORK,
    AttachStatus,
    IllegalTransition,
    SnapshotStatus,
    VolumeStatus,
    snapshot_after,
    volume_after,
)
from services.volume.work.claims import call_off, order


def status_after(row: Volume, event: str, leaving: Iterable[Attachment] = ()) -> VolumeStatus:
    """The volume's state after `event`. Raises BadRequest where its state does not allow it."""
    try:
        return volume_after(event, VolumeStatus(row.status), [AttachStatus(one.status) for one in leaving])
    except IllegalTransition as problem:
        raise BadRequest(f"Invalid volume: Volume {row.id} status does not allow it: {problem}.") from None


def change_volume(
    session: Session,
    row: Volume,
    event: str,
    request_id: str,
    now: datetime,
    args: dict[str, Any] | None = None,
    *,
    leaving: Iterable[Attachment] = (),
) -> bool:
    """Do `event` to the volume, and order the work that its new state stands for.

    False where this very request has done so before. `leaving` are its attachments afterwards. Raises BadRequest where
    the state does not allow it.
    """
    if row.changed_by == request_id:
        return False
    before, after = VolumeStatus(row.status), status_after(row, event, leaving)
    row.status, row.changed_by, row.updated_at = after, request_id, now
    task = VOLUME_WORK.get(after)
    if task is not None:
        row.previous_status = before
        order(session, row.id, "volume", task, args or {}, request_id, now)
    return True


def change_snapshot(session: Session, row: Snapshot, event: str, request_id: str, now: datetime) -> bool:
    """As `change_volume`, for a snapshot."""
    if row.changed_by == request_id:
        return False
    try:
        after = snapshot_after(event, SnapshotStatus(row.status))
    except IllegalTransition as problem:
        raise BadRequest(f"Invalid snapshot: Snapshot {row.id} does not allow {problem}.") from None
    row.status, row.changed_by, row.updated_at = after, request_id, now
    task = SNAPSHOT_WORK.get(after)
    if task is not None:
        order(session, row.id, "snapshot", task, {}, request_id, now)
    return True


def hold(row: Volume | Snapshot) -> None:
    """Make this transaction and any other that changes the row exclude one another, by moving its generation."""
    flag_modified(row, "status")


def set_status(session: Session, row: Volume | Snapshot, status: str, now: datetime) -> None:
    """An administrator says what the state is. Whatever is being done for the resource is called off."""
    call_off(session, row.id)
    row.status, row.updated_at = status, now
    if isinstance(row, Volume):
        row.previous_status = None


def attachments_of(session: Session, volume_ids: Iterable[str]) -> list[Attachment]:
    """The attachments that there are, oldest first."""
    chosen = select(Attachment).where(Attachment.volume_id.in_(list(volume_ids)), Attachment.deleted.is_(False))
    return list(session.scalars(chosen.order_by(Attachment.number)))


def snapshots_of(session: Session, volume_id: str) -> list[Snapshot]:
    """The snapshots that there are, oldest first."""
    chosen = select(Snapshot).where(Snapshot.volume_id == volume_id, Snapshot.deleted.is_(False))
    return list(session.scalars(chosen.order_by(Snapshot.number)))

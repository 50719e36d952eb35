"""Storing that volumes and snapshots are to go."""

from __future__ import annotations

from sqlalchemy.orm import Session

from services.platform.context import Context
from services.platform.faults import BadRequest
from services.platform.times import utcnow
from services.volume.api.volume_queries import find_volume
from services.volume.models import Snapshot
from services.volume.rows import attachments_of, change_snapshot, change_volume, snapshots_of
from services.volume.states import SnapshotStatus


def delete_volume(
    session: Session, volume_id: str, context: Context, *, force: bool = False, cascade: bool = False
) -> list[str]:
    """The ids that there is work for now: the volume, and with `cascade` its snapshots. Raises BadRequest."""
    row, now, request_id = find_volume(session, volume_id, context), utcnow(), context.request.request_id
    if row.changed_by == request_id:
        return [row.id]
    if attachments_of(session, [row.id]):
        raise BadRequest(f"Invalid volume: Volume {row.id} is attached. Detach it first.")
    snapshots = snapshots_of(session, row.id)
    if snapshots and not cascade:
        raise BadRequest(
            f"Invalid volume: Volume {row.id} still has {len(snapshots)} dependent snapshots. Delete them first, or "
            f"delete it with cascade."
        )
    event = "force-delete" if force else "delete"
    change_volume(session, row, event, request_id, now)
    for snapshot in snapshots:
        _delete_with_its_volume(session, snapshot, context, event)
    return [*(snapshot.id for snapshot in snapshots), row.id]


def _delete_with_its_volume(session: Session, snapshot: Snapshot, context: Context, event: str) -> None:
    if not context.sees_project(snapshot.project_id):
        raise BadRequest("Invalid volume: The volume has a snapshot that is another project's now.")
    if snapshot.status != SnapshotStatus.DELETING:
        change_snapshot(session, snapshot, event, context.request.request_id, utcnow())

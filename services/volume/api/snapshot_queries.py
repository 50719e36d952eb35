"""Finding snapshots: one, for whom it may be shown to; many, by the filters that clients send."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Select, false, func, select
from sqlalchemy.orm import Session

from services.platform.context import Context
from services.platform.faults import NotFound
from services.platform.microversions import Microversion
from services.platform.pagination import flag
from services.volume.api import listing
from services.volume.models import Snapshot, Volume

SORT_COLUMNS: listing.Columns = {
    "created_at": Snapshot.number,
    "id": Snapshot.id,
    "name": func.coalesce(Snapshot.name, ""),
    "display_name": func.coalesce(Snapshot.name, ""),
    "description": func.coalesce(Snapshot.description, ""),
    "status": Snapshot.status,
    "size": Snapshot.size,
    "volume_size": Snapshot.size,
    "volume_id": Snapshot.volume_id,
    "project_id": Snapshot.project_id,
    "user_id": Snapshot.user_id,
    "updated_at": func.coalesce(Snapshot.updated_at, Snapshot.created_at),
}
_EQUALS: listing.Columns = {
    "name": Snapshot.name,
    "display_name": Snapshot.name,
    "status": Snapshot.status,
    "volume_id": Snapshot.volume_id,
}
_EQUALS_FOR_ADMINS: listing.Columns = {
    "project_id": Snapshot.project_id,
    "user_id": Snapshot.user_id,
    "id": Snapshot.id,
}
KNOWN = frozenset({"name", "status", "volume_id", "metadata", "availability_zone", "consumes_quota", "display_name"})


def find_snapshot(session: Session, snapshot_id: str, context: Context) -> Snapshot:
    """The snapshot, if the bearer may see it and it was not deleted. Raises NotFound."""
    row = session.get(Snapshot, snapshot_id) if len(snapshot_id) <= 36 else None
    if row is None or row.deleted or not context.sees_project(row.project_id):
        raise NotFound(f"Snapshot {snapshot_id} could not be found.")
    return row


def chosen_snapshots(query: Mapping[str, str], context: Context, version: Microversion) -> Select[Snapshot]:
    """The snapshots that the filters leave. Raises BadRequest for filters that make no sense."""
    listing.refuse_unknown(query, KNOWN, context, version)
    chosen = select(Snapshot).where(Snapshot.deleted.is_(False))
    if not listing.everyone(query, context):
        chosen = chosen.where(Snapshot.project_id == context.project_id)
    equals = {**_EQUALS, **(_EQUALS_FOR_ADMINS if context.is_admin else {})}
    chosen = listing.by_values(chosen, query, equals, version)
    if version.minor >= 22:
        chosen = listing.by_metadata(chosen, Snapshot.meta, query.get("metadata"))
    if query.get("availability_zone"):
        inside = select(Volume.id).where(Volume.availability_zone == query["availability_zone"])
        chosen = chosen.where(Snapshot.volume_id.in_(inside))
    if version.minor >= 65 and not flag(query.get("consumes_quota"), default=True):
        chosen = chosen.where(false())  # every snapshot counts
    return chosen

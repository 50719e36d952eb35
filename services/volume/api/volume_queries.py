"""Finding volumes: one, for whom it may be shown to; many, by the filters that clients send."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select, false, func, select
from sqlalchemy.orm import Session

from services.platform.context import Context
from services.platform.faults import BadRequest, NotFound
from services.platform.microversions import Microversion
from services.platform.pagination import flag
from services.platform.times import parse_time
from services.volume.api import listing
from services.volume.models import Volume, VolumeType

SORT_COLUMNS: listing.Columns = {
    "created_at": Volume.number,
    "id": Volume.id,
    "name": func.coalesce(Volume.name, ""),
    "display_name": func.coalesce(Volume.name, ""),
    "description": func.coalesce(Volume.description, ""),
    "status": Volume.status,
    "size": Volume.size,
    "availability_zone": Volume.availability_zone,
    "bootable": Volume.bootable,
    "project_id": Volume.project_id,
    "user_id": Volume.user_id,
    "volume_type_id": Volume.type_id,
    "updated_at": func.coalesce(Volume.updated_at, Volume.created_at),
}
_EQUALS: listing.Columns = {
    "name": Volume.name,
    "display_name": Volume.name,
    "status": Volume.status,
    "availability_zone": Volume.availability_zone,
}
_EQUALS_FOR_ADMINS: listing.Columns = {
    "project_id": Volume.project_id,
    "user_id": Volume.user_id,
    "volume_type_id": Volume.type_id,
    "snapshot_id": Volume.snapshot_id,
    "source_volid": Volume.source_volid,
    "id": Volume.id,
}
KNOWN = frozenset({
    "name", "status", "metadata", "bootable", "migration_status", "availability_zone", "group_id", "size", "created_at",
    "updated_at", "consumes_quota", "glance_metadata", "display_name",
})  # fmt: skip

_OPERATORS = ("gt", "gte", "eq", "neq", "lt", "lte")


def find_volume(session: Session, volume_id: str, context: Context) -> Volume:
    """The volume, if the bearer may see it and it was not deleted. Raises NotFound."""
    row = session.get(Volume, volume_id) if len(volume_id) <= 36 else None
    if row is None or row.deleted or not context.sees_project(row.project_id):
        raise NotFound(f"Volume {volume_id} could not be found.")
    return row


def types_of(session: Session, rows: Iterable[Volume]) -> dict[str, VolumeType]:
    """The types of these volumes by id."""
    ids = {row.type_id for row in rows}
    return {kind.id: kind for kind in session.scalars(select(VolumeType).where(VolumeType.id.in_(ids)))}


def chosen_volumes(query: Mapping[str, str], context: Context, version: Microversion) -> Select[Volume]:
    """The volumes that the filters leave. Raises BadRequest for filters that make no sense."""
    listing.refuse_unknown(query, KNOWN, context, version)
    chosen = select(Volume).where(Volume.deleted.is_(False))
    if not listing.everyone(query, context):
        chosen = chosen.where(Volume.project_id == context.project_id)
    equals = {**_EQUALS, **(_EQUALS_FOR_ADMINS if context.is_admin else {})}
    chosen = listing.by_values(chosen, query, equals, version)
    chosen = listing.by_metadata(chosen, Volume.meta, query.get("metadata"))
    if version.minor >= 4:
        chosen = listing.by_metadata(chosen, Volume.image_meta, query.get("glance_metadata"))
    return _by_times(_by_facts(chosen, query, version), query, version)


def _by_facts(chosen: Select[Volume], query: Mapping[str, str], version: Microversion) -> Select[Volume]:
    if "bootable" in query:
        wanted = flag(query["bootable"])
        chosen = chosen.where(Volume.bootable.is_(bool(wanted)))
    if "size" in query:
        size = query["size"]
        chosen = chosen.where(Volume.size == int(size)) if size.isdigit() and len(size) < 10 else chosen.where(false())
    if query.get("group_id") or (query.get("migration_status") or "none").lower() != "none":
        chosen = chosen.where(false())  # there are no groups, and nothing migrates
    if version.minor >= 65 and not flag(query.get("consumes_quota"), default=True):
        chosen = chosen.where(false())  # every volume counts
    return chosen


def _by_times(chosen: Select[Volume], query: Mapping[str, str], version: Microversion) -> Select[Volume]:
    if version.minor < 60:
        return chosen
    columns: dict[str, Any] = {"created_at": Volume.created_at, "updated_at": Volume.updated_at}
    for key, column in columns.items():
        for part in filter(None, query.get(key, "").split(",")):
            operator, _, text = part.partition(":")
            if operator not in _OPERATORS:
                raise BadRequest(f"Invalid {operator} operator")
            chosen = chosen.where(_compare(column, operator, _moment(text)))
    return chosen


def _moment(text: str) -> datetime:
    try:
        return parse_time(text)
    except ValueError:
        raise BadRequest(f"Invalid {text} value") from None


def _compare(column: Any, operator: str, moment: datetime) -> Any:
    comparisons = {
        "gt": column > moment,
        "gte": column >= moment,
        "eq": column == moment,
        "neq": column != moment,
        "lt": column < moment,
        "lte": column <= moment,
    }
    return comparisons[operator]

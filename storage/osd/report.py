"""What a primary reports of a placement group, in the words of `ceph pg ls`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.messages import PgReport
from storage.osd.object_state import decode_state
from storage.osd.pg_states import PgState as S

if TYPE_CHECKING:
    from storage.names import ObjectId
    from storage.osd.placement_group import PlacementGroup

_PEERING = {S.DOWN: "down", S.PEERED: "undersized+peered", S.WAIT_LEASE: "peering+wait"}


def state_of(group: PlacementGroup) -> str:
    """For example "active+recovering+undersized+degraded"."""
    if not group.is_active:
        return _PEERING.get(group.state, "peering")
    words = ["active"]
    undersized = len(group.interval.acting) < group.pool.size
    degraded = group.recovery.degraded
    if degraded:
        words.append("recovering")
    if undersized:
        words.append("undersized")
    if degraded or undersized:
        words.append("degraded")
    else:
        words.append("clean")
    if group.scrub.is_running:
        words.append("scrubbing+deep" if group.scrub.is_deep else "scrubbing")
    return "+".join(words)


def report(group: PlacementGroup) -> PgReport:
    """A row of `pg ls`."""
    objects, size = count(group)
    lacking_osds = group.pool.size - len(group.interval.acting)
    degraded = group.recovery.degraded + max(0, lacking_osds) * objects
    return PgReport(
        group.pg, state_of(group), group.since, group.log.head, objects, size, degraded,
        len(group.recovery.unfound), group.scrub.done, group.scrub.deep_done, group.scrub.errors, group.history_clean,
    )  # fmt: skip


def count(group: PlacementGroup) -> tuple[int, int]:
    """Objects with a head, and their bytes; counted again only when something has changed."""
    if group.counted_at != group.log.head:
        objects = size = 0
        after: ObjectId | None = None
        while page := group.store.list(group.pg, after):
            for object_id, info in page:
                if not object_id.snap:
                    objects, size = objects + 1, size + decode_state(info).size
            after = page[-1][0]
        group.counted_at, group.counted = group.log.head, (objects, size)
    return group.counted

"""Past intervals: whom a new primary must ask before it may serve, so that no acknowledged write is overlooked.

A write is acknowledged when all acting OSDs of its interval have it. So one member of each earlier interval that *may*
have written knows everything that was acknowledged in it. An interval may have written only if enough OSDs acted, and
if its primary had the map say that it was alive in it (`up_thru`) before it began: an interval that nobody lived to
serve does not block anything. Source: Ceph's PastIntervals and PriorSet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from storage.cluster_map import ClusterMap, Interval
from storage.names import PgId


@dataclass(frozen=True)
class PastInterval:
    """The same OSDs acted from epoch `first` to epoch `last`, both included."""

    first: int
    last: int
    interval: Interval
    may_have_written: bool


@dataclass(frozen=True)
class Prior:
    """Whom to ask now; and the OSDs (all down) of which one must come back before anything can be served."""

    probe: frozenset[int]
    blocked_by: frozenset[int]


def interval_of(cluster: ClusterMap, pg: PgId) -> Interval | None:
    """Who serves a placement group; None where its pool is not there (any more)."""
    return cluster.interval(pg) if pg.pool in cluster.pools else None


def began(maps: Mapping[int, ClusterMap], pg: PgId, epoch: int) -> int:
    """The first epoch of the interval that `epoch` is in, as far back as there are maps."""
    interval = interval_of(maps[epoch], pg)
    while epoch - 1 in maps and interval_of(maps[epoch - 1], pg) == interval:
        epoch -= 1
    return epoch


def past_intervals(maps: Mapping[int, ClusterMap], pg: PgId, since: int, until: int) -> list[PastInterval]:
    """The intervals that cover the epochs since <= epoch < until, newest first."""
    found: list[PastInterval] = []
    last = until - 1
    while last >= since and last in maps:
        first = began(maps, pg, last)
        interval = interval_of(maps[last], pg)
        if interval is not None:
            is_cut = first > 1 and first - 1 not in maps  # it began before the oldest map that is kept
            may_have_written = _may_have_written(maps[last], interval, 0 if is_cut else first)
            found.append(PastInterval(first, last, interval, may_have_written))
        last = first - 1
    return found


def _may_have_written(last_map: ClusterMap, interval: Interval, first: int) -> bool:
    primary = interval.primary
    if primary is None or len(interval.acting) < interval.min_size:
        return False
    return last_map.osds[primary].up_thru >= first


def prior(past: list[PastInterval], cluster: ClusterMap, acting: tuple[int, ...]) -> Prior:
    """Whom a primary must ask, given the intervals since the group was last known to be active everywhere."""
    probe, blocked_by = set(acting), set[int]()
    for interval in past:
        if not interval.may_have_written:
            continue
        members = [number for number in interval.interval.acting if _same_disk(cluster, number, interval)]
        alive = [number for number in members if cluster.osds[number].up]
        probe.update(alive)
        if not alive:
            blocked_by.update(members)  # empty where all were purged: a person has given them up
    return Prior(frozenset(probe), frozenset(blocked_by))


def _same_disk(cluster: ClusterMap, number: int, interval: PastInterval) -> bool:
    osd = cluster.osds.get(number)
    return osd is not None and osd.created <= interval.last

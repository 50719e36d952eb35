"""The cluster map (Ceph's OSDMap): who is up, what is in, which pools there are, who is fenced.

A map never changes: the monitors make a new one with the next epoch. `acting` is a pure function of it.
"""

from __future__ import annotations

from functools import cached_property
from typing import Literal

import msgspec
import xxhash

from storage.names import PgId
from storage.placement.straw2 import ranked

FailureDomain = Literal["osd", "host", "zone"]


class Osd(msgspec.Struct, frozen=True, kw_only=True):
    """One storage daemon and its disk, as the monitors see it."""

    #: The disk's identity: another disk under the same number is another OSD.
    uuid: str
    host: str
    zone: str
    #: "address:port"
    address: str
    #: Share of the data it should hold, relative to the others (Ceph's CRUSH weight; 1.0 is the usual).
    weight: float = 1.0
    up: bool = False
    #: Data is placed on it (Ceph's "in"); a down OSD stays in until the grace time is over.
    placed: bool = True
    #: It was taken out by the monitors after the grace time, not by a person: it comes in again when it boots.
    auto_out: bool = False
    #: The epoch in which this disk was first known: it can't speak for intervals before.
    created: int = 0
    #: The epoch in which it last came up.
    up_from: int = 0
    #: The newest epoch in which it is known to have been alive and willing to activate (see `intervals`).
    up_thru: int = 0
    #: The epoch in which it last went down.
    down_at: int = 0
    #: Unix time of the last change of `up`, seconds.
    since: float = 0.0
    #: Which start of the daemon this is.
    incarnation: str = ""


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """A set of objects with the same rules of placement."""

    name: str
    size: int = 3
    min_size: int = 2
    pg_num: int = 32
    failure_domain: FailureDomain = "host"
    created: int = 0


class Interval(msgspec.Struct, frozen=True, array_like=True):
    """Who serves a placement group: the same as long as this value is equal (Ceph's interval)."""

    acting: tuple[int, ...]
    #: The epoch in which each of them came up: a restart begins a new interval.
    up_from: tuple[int, ...]
    min_size: int

    @property
    def primary(self) -> int | None:
        """The OSD that orders all changes; None where nobody is up."""
        return self.acting[0] if self.acting else None


class ClusterMap(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One epoch of the cluster."""

    fsid: str
    epoch: int = 0
    osds: dict[int, Osd] = {}
    pools: dict[int, Pool] = {}
    #: Fenced clients and until when (unix time, seconds).
    blocklist: dict[str, float] = {}
    #: Numbers of pools are never used again.
    next_pool: int = 1
    #: Maps before this epoch are forgotten: every placement group has been clean since.
    floor: int = 1
    #: Unix time at which this epoch was made, and one sentence saying why.
    modified: float = 0.0
    reason: str = ""

    def pool_named(self, name: str) -> int | None:
        """The number of a pool."""
        return next((number for number, pool in self.pools.items() if pool.name == name), None)

    def pg_of(self, pool: int, name: str) -> PgId:
        """The placement group of an object. Raises KeyError for an unknown pool."""
        return PgId(pool, xxhash.xxh3_64_intdigest(name.encode()) % self.pools[pool].pg_num)

    def pgs(self) -> list[PgId]:
        """All placement groups of all pools."""
        return [PgId(number, seed) for number, pool in self.pools.items() for seed in range(pool.pg_num)]

    def placed(self, pg: PgId) -> tuple[int, ...]:
        """Where a placement group's replicas belong, whether up or not (CRUSH's raw result)."""
        cached = self._placements.get(pg)
        if cached is None:
            cached = self._placements[pg] = _place(pg, self.pools[pg.pool], self._hierarchy)
        return cached

    def interval(self, pg: PgId) -> Interval:
        """Who serves a placement group in this epoch; the first is the primary."""
        cached = self._intervals.get(pg)
        if cached is None:
            acting = tuple(osd for osd in self.placed(pg) if self.osds[osd].up)
            since = tuple(self.osds[osd].up_from for osd in acting)
            cached = self._intervals[pg] = Interval(acting, since, self.pools[pg.pool].min_size)
        return cached

    @cached_property
    def _placements(self) -> dict[PgId, tuple[int, ...]]:
        return {}

    @cached_property
    def _intervals(self) -> dict[PgId, Interval]:
        return {}

    @cached_property
    def _hierarchy(self) -> dict[FailureDomain, dict[str, dict[str, float]]]:
        """For each failure domain: its buckets, and in each the weights of the OSDs that data is placed on."""
        found: dict[FailureDomain, dict[str, dict[str, float]]] = {"osd": {}, "host": {}, "zone": {}}
        for number, osd in self.osds.items():
            if osd.placed and osd.weight > 0:
                for domain, bucket in (("osd", str(number)), ("host", osd.host), ("zone", osd.zone)):
                    found[domain].setdefault(bucket, {})[str(number)] = osd.weight  # type: ignore[index]
        return found

    def is_blocklisted(self, client: str) -> bool:
        """Whether a client was fenced."""
        return client in self.blocklist


def _place(pg: PgId, pool: Pool, hierarchy: dict[FailureDomain, dict[str, dict[str, float]]]) -> tuple[int, ...]:
    """One OSD in each of the first `size` failure domains that straw2 draws."""
    buckets = hierarchy[pool.failure_domain]
    domains = ranked(str(pg), {name: sum(osds.values()) for name, osds in buckets.items()})[: pool.size]
    return tuple(int(ranked(str(pg), buckets[domain])[0]) for domain in domains)


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(ClusterMap)


def encode_map(cluster: ClusterMap) -> bytes:
    """As JSON, to be kept and sent."""
    return _encoder.encode(cluster)


def decode_map(data: bytes | memoryview) -> ClusterMap:
    """The inverse. Raises msgspec.DecodeError, msgspec.ValidationError."""
    return _decoder.decode(data)

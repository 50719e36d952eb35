"""Which parts a request of each lane goes through, and the traffic that there always is. Pure."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from lab.console.layout import YOU
from lab.topology import ONE, OUTSIDE, TWO


class Stop(NamedTuple):
    """A role at a site; YOU at any site is whoever sits before this machine."""

    site: str
    role: str


Hop = tuple[Stop, Stop]

#: From whom to whom, within a region.
TRAFFIC: tuple[tuple[str, str], ...] = (
    ("edge", "lb"),
    ("lb", "identity"),
    ("lb", "image"),
    ("lb", "compute-api"),
    ("lb", "volume"),
    ("lb", "swift-proxy"),
    ("image", "swift-proxy"),
    ("identity", "shared-galera"),
    ("image", "shared-galera"),
    ("swift-proxy", "swift"),
    ("compute-api", "rabbitmq"),
    ("rabbitmq", "compute"),
    ("rabbitmq", "scheduler"),
    ("rabbitmq", "conductor"),
    ("compute-api", "proxysql"),
    ("conductor", "proxysql"),
    ("volume", "osd"),
    ("osd", "mon"),
    ("proxysql", "galera"),
)
#: What the regions keep together.
BETWEEN = ("shared-galera", "swift")
IDENTITY = ("lb", "identity", "shared-galera")
DATABASE = ("edge", "lb", "compute-api", "proxysql", "galera")

#: Each lane's requests: chains of roles in the region that is watched, from the one who asks.
LANES: dict[str, tuple[tuple[str, ...], ...]] = {
    "token": ((YOU, "edge", *IDENTITY),),
    "catalog": ((YOU, "edge", *IDENTITY),),
    "image": ((YOU, "edge", "lb", "image", "swift-proxy", "swift"), ("image", "shared-galera")),
    "servers": ((YOU, *DATABASE),),
    "boot": (
        (YOU, *DATABASE),
        ("compute-api", "rabbitmq", "conductor", "proxysql"),
        ("rabbitmq", "scheduler"),
        ("rabbitmq", "compute"),
    ),
    "db write": ((YOU, *DATABASE),),
    "db read": ((YOU, *DATABASE),),
    "RPC": ((YOU, "edge", "lb", "compute-api", "rabbitmq", "compute"),),
    "object": ((YOU, "edge", "lb", "swift-proxy", "swift"),),
    "block": ((YOU, "osd", "mon"),),
    "DNS": ((YOU, "dns"),),
}
ANYCAST = "anycast"
#: Where there is one region, what would be shared lies in its own database.
ALONE = ("proxysql", "galera")


def hops(lane: str, site: str, announced: str = "", *, is_alone: bool = False) -> tuple[Hop, ...]:
    """From where to where a request of a lane goes, in order, each once. `announced`: the region that the anycast
    address leads to; nowhere while it is empty. `is_alone`: there is one region only."""
    if lane == ANYCAST:
        way = [Stop(OUTSIDE, "client"), Stop(OUTSIDE, "wan")]
        way += [Stop(announced, role) for role in IDENTITY] if announced else []
        return tuple(pairwise(way))
    found: dict[Hop, None] = {}
    for chain in LANES.get(lane, ()):
        stops = [Stop(site, role) for role in (_alone(chain) if is_alone else chain)]
        found |= dict.fromkeys(pairwise(stops))
    if lane == "DNS":  # either server is asked
        found |= {(Stop(site, YOU), Stop(TWO if site == ONE else ONE, "dns")): None}
    return tuple(found)


def traffic(site: str, *, is_alone: bool = False) -> tuple[Hop, ...]:
    """What there always is in a region."""
    chains = [(YOU, "edge"), *(_alone(each)[:2] if is_alone else each for each in TRAFFIC)]
    return tuple((Stop(site, chain[0]), Stop(site, chain[1])) for chain in chains)


def _alone(chain: tuple[str, ...]) -> tuple[str, ...]:
    return (*chain[:-1], *ALONE) if chain[-1] == "shared-galera" else chain


#: In the order of the page.
ALL_LANES = (*LANES, ANYCAST)

"""The zone's records as they are now. Pure: sites, verdicts and a question in, records out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

ZONE = "quorate.test"
TTL = 2
SHARED = ("identity", "image", "object")
REGIONAL = (*SHARED, "compute", "volume")
VIP, NAME_SERVER = 10, 7
SOA_TIMES = "1 60 30 600 2"  # serial (nothing is transferred), refresh, retry, expire, how long a denial is kept

ABOUT = 1.0  # seconds within which two regions began to answer at the same time

Verdicts = Mapping[tuple[str, str], bool]
Moments = Mapping[tuple[str, str], float]


class Record(NamedTuple):
    """One record."""

    name: str
    kind: str
    content: str


def addresses(service: str, subnets: Mapping[str, str], healthy: Verdicts, well_since: Moments) -> list[str]:
    """Where a shared service is: the regions that serve it.

    Where none is known to, because the server that is asked has just begun to look, those that have answered longest;
    all of them where none answers.
    """
    serving = [site for site in subnets if healthy.get((site, service))]
    if not serving:
        since = {site: well_since[site, service] for site in subnets if (site, service) in well_since}
        serving = [site for site, moment in since.items() if moment < min(since.values()) + ABOUT]
    return [f"{subnets[site]}.{VIP}" for site in serving or subnets]


def records(subnets: Mapping[str, str], anycast: str, healthy: Verdicts, well_since: Moments) -> list[Record]:
    """The whole zone. Per-region names always lead to their region: whoever asks for it means it."""
    found = [Record(ZONE, "SOA", f"ns-one.{ZONE} hostmaster.{ZONE} {SOA_TIMES}")]
    for site, subnet in subnets.items():
        found += [Record(ZONE, "NS", f"ns-{site}.{ZONE}"), Record(f"ns-{site}.{ZONE}", "A", f"{subnet}.{NAME_SERVER}")]
        found += [Record(f"{service}.region-{site}.{ZONE}", "A", f"{subnet}.{VIP}") for service in REGIONAL]
    for service in SHARED:
        found += [
            Record(f"{service}.{ZONE}", "A", address) for address in addresses(service, subnets, healthy, well_since)
        ]
    return [*found, Record(f"anycast.{ZONE}", "A", anycast)]


def answer(zone: list[Record], name: str, kind: str) -> list[Record]:
    """The records of a name; of a kind, or of any."""
    wanted = name.rstrip(".").lower()
    return [record for record in zone if record.name == wanted and kind in ("ANY", record.kind)]

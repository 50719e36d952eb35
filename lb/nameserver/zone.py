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

Verdicts = Mapping[tuple[str, str], bool]


class Record(NamedTuple):
    """One record."""

    name: str
    kind: str
    content: str


def addresses(service: str, subnets: Mapping[str, str], healthy: Verdicts) -> list[str]:
    """Where a shared service is: the regions that serve it, or all of them where none seems to."""
    serving = [site for site in subnets if healthy.get((site, service))]
    return [f"{subnets[site]}.{VIP}" for site in serving or subnets]


def records(subnets: Mapping[str, str], anycast: str, healthy: Verdicts) -> list[Record]:
    """The whole zone. Per-region names always lead to their region: whoever asks for it means it."""
    found = [Record(ZONE, "SOA", f"ns-one.{ZONE} hostmaster.{ZONE} {SOA_TIMES}")]
    for site, subnet in subnets.items():
        found += [Record(ZONE, "NS", f"ns-{site}.{ZONE}"), Record(f"ns-{site}.{ZONE}", "A", f"{subnet}.{NAME_SERVER}")]
        found += [Record(f"{service}.region-{site}.{ZONE}", "A", f"{subnet}.{VIP}") for service in REGIONAL]
    for service in SHARED:
        found += [Record(f"{service}.{ZONE}", "A", address) for address in addresses(service, subnets, healthy)]
    return [*found, Record(f"anycast.{ZONE}", "A", anycast)]


def answer(zone: list[Record], name: str, kind: str) -> list[Record]:
    """The records of a name; of a kind, or of any."""
    wanted = name.rstrip(".").lower()
    return [record for record in zone if record.name == wanted and kind in ("ANY", record.kind)]

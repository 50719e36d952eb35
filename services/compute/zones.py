"""The rule of zones, pure: a host is in many aggregates but in one availability zone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Membership:
    """An aggregate that a host is in. `zone` is None for one that names no zone."""

    aggregate_id: int
    aggregate_name: str
    zone: str | None


def zone_conflict(
    hosts: Iterable[str], aggregate_id: int, zone: str | None, memberships: Mapping[str, Sequence[Membership]]
) -> str | None:
    """Why `hosts` cannot be in an aggregate of `zone`: the sentence for the user, or None where they can.

    `memberships` are all aggregates that each host is in; the aggregate at hand itself does not count.
    """
    if zone is None:
        return None
    for host in hosts:
        for other in memberships.get(host, ()):
            if other.aggregate_id != aggregate_id and other.zone not in (None, zone):
                return (
                    f"Host {host} is in availability zone {other.zone} through aggregate {other.aggregate_name}; "
                    f"a host is in one zone only, so it cannot be in {zone} too. "
                    f"Remove it from {other.aggregate_name} first."
                )
    return None

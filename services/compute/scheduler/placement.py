"""Placing a batch of instances on hosts: filter, weigh, take, one after the other. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from services.compute.hosts import HostView
from services.compute.scheduler.filters import Wanted, apply_filters


@dataclass(frozen=True, slots=True)
class Placed:
    """The host for an instance."""

    host: str


@dataclass(frozen=True, slots=True)
class NoValidHost:
    """Why there is none, in the words of the fault."""

    explanation: str


def weight(host: HostView) -> tuple[float, float, str]:
    """Smaller is better: the host with the larger share of its memory, then of its processors, free. The name breaks
    ties, so that two schedulers that see the same choose the same, and the claim decides between them."""
    memory = host.used.memory_mb / max(1, host.capacity.memory_mb)
    vcpus = host.used.vcpus / max(1, host.capacity.vcpus)
    return (memory, vcpus, host.host)


def place(hosts: Sequence[HostView], batch: Mapping[str, Wanted]) -> dict[str, Placed | NoValidHost]:
    """A decision for each instance of `batch`, each made as if those before it were already running."""
    views = {host.host: host for host in hosts}
    decided: dict[str, Placed | NoValidHost] = {}
    for instance_id, wanted in batch.items():
        filtered = apply_filters(list(views.values()), wanted)
        if not filtered.hosts:
            decided[instance_id] = NoValidHost(filtered.explanation())
            continue
        best = min(filtered.hosts, key=weight)
        views[best.host] = replace(best, used=best.used + wanted.resources)
        decided[instance_id] = Placed(best.host)
    return decided

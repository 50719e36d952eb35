"""Hosts as the deciding code sees them: plain values, gathered in three queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.compute.models import Aggregate, Allocation, ComputeNode, Service

COMPUTE_BINARY = "nova-compute"
ZONE_KEY = "availability_zone"


@dataclass(frozen=True, slots=True)
class Resources:
    """An amount of what instances take of hosts."""

    vcpus: int
    memory_mb: int
    disk_gb: int

    def __add__(self, other: Resources) -> Resources:
        return Resources(self.vcpus + other.vcpus, self.memory_mb + other.memory_mb, self.disk_gb + other.disk_gb)


NOTHING = Resources(0, 0, 0)


@dataclass(frozen=True, slots=True)
class AggregateView:
    """What of an aggregate matters to scheduling."""

    name: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HostView:
    """One host at one moment. `capacity` counts vcpus with overcommit; `generation` is the row's, for the claim."""

    host: str
    up: bool
    enabled: bool
    capacity: Resources
    used: Resources = NOTHING
    aggregates: Sequence[AggregateView] = ()
    default_zone: str = "nova"
    generation: int = 1
    disabled_reason: str | None = field(default=None, compare=False)

    @property
    def zone(self) -> str:
        """The host's one zone."""
        return next((a.metadata[ZONE_KEY] for a in self.aggregates if ZONE_KEY in a.metadata), self.default_zone)

    def fits(self, wanted: Resources) -> bool:
        total = self.used + wanted
        return (
            total.vcpus <= self.capacity.vcpus
            and total.memory_mb <= self.capacity.memory_mb
            and total.disk_gb <= self.capacity.disk_gb
        )


def is_up(last_seen: datetime | None, forced_down: bool, now: datetime, down_after: float) -> bool:
    """Whether a service that last reported at `last_seen` counts as up."""
    return not forced_down and last_seen is not None and now - last_seen <= timedelta(seconds=down_after)


def hosts_up(session: Session, hosts: Iterable[str | None], now: datetime, down_after: float) -> set[str]:
    """Those of `hosts` whose agents report."""
    wanted = [host for host in hosts if host]
    if not wanted:
        return set()
    services = session.scalars(select(Service).where(Service.binary == COMPUTE_BINARY, Service.host.in_(wanted)))
    return {row.host for row in services if is_up(row.last_seen_at, row.forced_down, now, down_after)}


def capacity_of(node: ComputeNode) -> Resources:
    return Resources(int(node.vcpus * node.cpu_ratio), node.memory_mb, node.disk_gb)


def usage_by_host(session: Session) -> dict[str, tuple[Resources, int]]:
    """What is claimed of each host, and by how many instances."""
    rows = session.execute(
        select(
            Allocation.host,
            func.sum(Allocation.vcpus),
            func.sum(Allocation.memory_mb),
            func.sum(Allocation.disk_gb),
            func.count(),
        ).group_by(Allocation.host)
    )
    return {host: (Resources(int(cpu), int(mem), int(disk)), int(count)) for host, cpu, mem, disk, count in rows}


def aggregates_by_host(session: Session) -> dict[str, list[AggregateView]]:
    found: dict[str, list[AggregateView]] = defaultdict(list)
    for aggregate in session.scalars(select(Aggregate).order_by(Aggregate.id)):
        view = AggregateView(aggregate.name, aggregate.meta)
        for member in aggregate.hosts:
            found[member.host].append(view)
    return found


def load_hosts(session: Session, now: datetime, *, down_after: float, default_zone: str) -> list[HostView]:
    """All hosts, by name.

    Generations are read before what they guard: whatever changes after that first query moves a generation and makes
    the claim fail, so a decision is never made on a usage older than its generation.
    """
    rows = session.execute(
        select(ComputeNode, Service)
        .join(Service, (Service.host == ComputeNode.host) & (Service.binary == COMPUTE_BINARY))
        .order_by(ComputeNode.host)
    ).all()
    used = usage_by_host(session)
    aggregates = aggregates_by_host(session)
    return [
        HostView(
            host=node.host,
            up=is_up(service.last_seen_at, service.forced_down, now, down_after),
            enabled=not service.disabled,
            capacity=capacity_of(node),
            used=used.get(node.host, (NOTHING, 0))[0],
            aggregates=tuple(aggregates.get(node.host, ())),
            default_zone=default_zone,
            generation=node.generation,
            disabled_reason=service.disabled_reason,
        )
        for node, service in rows
    ]

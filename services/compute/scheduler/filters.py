"""Filters: each says in pure terms whether a host may take an instance (Nova's filter scheduler, same names)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from services.compute.hosts import HostView, Resources
from services.compute.scheduler.extra_specs import matches

SCOPE = "aggregate_instance_extra_specs:"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an instance asks for. `avoid` are hosts where an earlier attempt failed."""

    resources: Resources
    project_id: str
    zone: str | None = None
    host: str | None = None
    extra_specs: Mapping[str, str] | None = None
    avoid: frozenset[str] = frozenset()


def compute_up(host: HostView, _wanted: Wanted) -> bool:
    return host.up and host.enabled


def availability_zone(host: HostView, wanted: Wanted) -> bool:
    return wanted.zone is None or host.zone == wanted.zone


def requested_host(host: HostView, wanted: Wanted) -> bool:
    return wanted.host is None or host.host == wanted.host


def retry(host: HostView, wanted: Wanted) -> bool:
    return host.host not in wanted.avoid


def aggregate_extra_specs(host: HostView, wanted: Wanted) -> bool:
    """Every extra spec that is unscoped or scoped to aggregates is met by one of the host's aggregates."""
    for key, spec in (wanted.extra_specs or {}).items():
        if ":" in key and not key.startswith(SCOPE):
            continue
        name = key.removeprefix(SCOPE)
        values = [a.metadata[name] for a in host.aggregates if name in a.metadata]
        if not any(matches(value, spec) for value in values):
            return False
    return True


def aggregate_tenancy(host: HostView, wanted: Wanted) -> bool:
    """A host in aggregates with `filter_tenant_id` takes only instances of the projects named there."""
    named: set[str] = set()
    for aggregate in host.aggregates:
        for key, value in aggregate.metadata.items():
            if key.startswith("filter_tenant_id"):
                named |= {project.strip() for project in value.split(",")}
    return not named or wanted.project_id in named


def resources(host: HostView, wanted: Wanted) -> bool:
    return host.fits(wanted.resources)


Filter = Callable[[HostView, Wanted], bool]

#: In the order in which they are asked; the names are what users read in faults.
FILTERS: tuple[tuple[str, Filter], ...] = (
    ("ComputeFilter", compute_up),
    ("AvailabilityZoneFilter", availability_zone),
    ("RequestedHostFilter", requested_host),
    ("RetryFilter", retry),
    ("AggregateInstanceExtraSpecsFilter", aggregate_extra_specs),
    ("AggregateMultiTenancyIsolation", aggregate_tenancy),
    ("ResourceFilter", resources),
)


@dataclass(frozen=True, slots=True)
class Filtered:
    """The hosts that passed, and how many each filter removed, in order, until none was left."""

    hosts: tuple[HostView, ...]
    considered: int
    removed: tuple[tuple[str, int], ...]

    def explanation(self) -> str:
        """The sentence of the fault when no host is left."""
        if not self.considered:
            return "No valid host was found. There is no compute host."
        hosts = "1 host was" if self.considered == 1 else f"{self.considered} hosts were"
        steps = ", ".join(f"{name} removed {count}" for name, count in self.removed if count)
        return f"No valid host was found. {hosts} considered: {steps}."


def apply_filters(hosts: Sequence[HostView], wanted: Wanted) -> Filtered:
    """Ask each filter in turn about the hosts that the ones before it left."""
    left = tuple(hosts)
    removed: list[tuple[str, int]] = []
    for name, passes in FILTERS:
        kept = tuple(host for host in left if passes(host, wanted))
        removed.append((name, len(left) - len(kept)))
        left = kept
        if not left:
            break
    return Filtered(left, len(hosts), tuple(removed))

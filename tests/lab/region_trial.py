"""One fault of a whole region, or of the way between the regions: load in both, outage, return, verdict in both."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

from lab import faults
from lab.topology import OUTSIDE, Part
from tests.lab.history import History, Operation, Outcome, failures
from tests.lab.probe import Meter, Meters, Writes
from tests.lab.record import Record
from tests.lab.region import Region, until
from tests.lab.shared_load import SharedLoad, login_at, remove_objects
from tests.lab.shared_state import judge_everywhere
from tests.lab.tenant import Tenant, make_tenant, remove_tenant
from tests.lab.way import Way
from tests.lab.world import World

CALM, CONVERGED = 4.0, 30.0
WRITE_SECONDS = 0.2  # gaps are seconds here
RETURN_SECONDS = 0.5  # between two questions of every meter: the processors are for what comes back
DEADLINE = 120.0


@dataclass
class RegionTrial:
    """What a strike may use."""

    one: Region
    two: Region
    tenant: Tenant
    clients: History
    wan: Way
    notes: list[str] = field(default_factory=list)
    struck_at: float = 0.0

    @property
    def slow(self) -> float:
        """The multiplier of all times."""
        return self.one.slow

    def outside(self, name: str) -> Part:
        """A part of the third site."""
        return next(part for part in self.one.topology.at(OUTSIDE).parts if part.name == name)

    def written(
        self, site: str, since: float, kinds: Sequence[str] = ("create user", "create project")
    ) -> list[Operation]:
        """Acknowledged changes that one region's clients made and that began after a moment."""
        prefix = f"{self.tenant.prefix}-{site}-"
        return [
            one
            for one in self.clients
            if one.kind in kinds and one.outcome is Outcome.OK and one.began > since and one.name.startswith(prefix)
        ]


@dataclass(frozen=True)
class RegionFault:
    """How something is broken, for how long at least, what is looked at meanwhile, and how it is mended."""

    key: str
    strike: Callable[[RegionTrial], Sequence[str]]
    held: float
    during: Callable[[RegionTrial], None] = lambda trial: None
    seen_from: str = "two"  # the region whose clients' writes are metered
    sees_world: bool = True  # whether a client at the third site is asked


def run_region_trial(one: Region, two: Region, fault: RegionFault, run: int, wan: Way) -> Record:
    """Break it once, under load in both regions, and judge in both. The lab is whole again afterwards."""
    tenant = make_tenant(one)
    trial = RegionTrial(one, two, tenant, History(), wan)
    measured = History()
    writes = Writes(_seen_from(two if fault.seen_from == "two" else one, tenant), measured, WRITE_SECONDS)
    world = World(one.topology) if fault.sees_world else None
    meters: list[Meter] = [writes, *(world.meters.values() if world else ())]
    try:
        with Meters([writes]), world or nullcontext(), SharedLoad((one, two), tenant, trial.clients):
            _served(meters, time.monotonic(), trial.slow)
            calm_since = time.monotonic()
            time.sleep(CALM)
            struck_at = trial.struck_at = time.monotonic()
            struck = fault.strike(trial)
            _held(fault.held, struck_at)
            fault.during(trial)
            mended_at = time.monotonic()
            for meter in (writes, world):
                if meter:
                    meter.every(RETURN_SECONDS)
            started_after = _mend(trial) - mended_at
            redundant_after = time.monotonic() - mended_at
            _served(meters, time.monotonic(), trial.slow)
            ended_at = time.monotonic()
        operations = [*trial.clients, *measured]
        verdict, converged = judge_everywhere((one, two), tenant, operations, CONVERGED * trial.slow)
    finally:
        _mend(trial)
        remove_objects(one, tenant)
        remove_tenant(one, tenant)
    count = failures(trial.clients.all())
    return Record(
        fault=fault.key, run=run, struck=tuple(struck),
        calm={meter.name: meter.gap(calm_since, struck_at).seconds for meter in meters},
        gaps={meter.name: meter.gap(struck_at, mended_at).seconds for meter in meters},
        returning={meter.name: meter.gap(mended_at, ended_at).seconds for meter in meters},
        requests=count.requests, failed_safe=count.safe, refused=count.refused, unknown=count.unknown,
        redundant_after=redundant_after, started_after=started_after, lost=verdict.lost, ruling=verdict.ruling,
        problems=(*verdict.problems, *(f"unread: {what}" for what in verdict.unread)),
        notes=(
            *trial.notes,
            f"everything ran again {started_after:.1f} s after mending began, and worked"
            f" {redundant_after - started_after:.1f} s after that",
            f"the same in both regions {converged:.1f} s after the load ended",
        ),
    )  # fmt: skip


def _seen_from(region: Region, tenant: Tenant) -> Tenant:
    return Tenant(tenant.prefix, tenant.project, tenant.user, login_at(region, tenant), tenant.image)


def _held(seconds: float, since: float) -> None:
    time.sleep(max(0.0, since + seconds - time.monotonic()))


def _served(meters: Sequence[Meter], since: float, slow: float) -> None:
    def lacking() -> str:
        return ", ".join(meter.name for meter in meters if not meter.served(10, since))

    until(lacking, 60 * slow, "successes of every meter")


def _mend(trial: RegionTrial) -> float:
    """Wait until both regions are whole; the moment when all of their containers ran."""
    trial.wan.heal()
    faults.heal(trial.one.engine, trial.one.topology, lambda sentence: None)
    started_at = time.monotonic()
    for region in (trial.one, trial.two):
        region.wait_redundant(DEADLINE)
    return started_at


def open_wan(region: Region) -> Way:
    """The way between the sites of the lab that runs."""
    return Way(region.engine)

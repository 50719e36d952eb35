"""One run of one fault: load, strike, outage, return, full redundancy, verdict."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from lab.topology import Part
from tests.lab.final_state import FINAL_STATUS, FinalState
from tests.lab.history import History, Operation, Outcome, failures
from tests.lab.load import Load
from tests.lab.probe import Meters, Polls, Rounds, Writes
from tests.lab.reading import read_guests, read_servers, read_state
from tests.lab.record import BUILDS, Record
from tests.lab.region import Region, until
from tests.lab.tenant import Tenant, make_tenant, remove_tenant
from tests.lab.verdict import judge

CALM_SERVED, OUTAGE_SERVED, AFTER_SERVED = 15, 25, 10
DEADLINE = 60.0

AnyMeter = Polls | Writes | Rounds


@dataclass
class Trial:
    """What a strike may use. `clients` counts what the load did; the meters keep their own history."""

    region: Region
    tenant: Tenant
    run: int
    clients: History
    notes: list[str]
    builds: float | None = None
    struck: Sequence[Part] = ()
    struck_at: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Fault:
    """How to break something, which meters run meanwhile, and how it is mended."""

    key: str
    strike: Callable[[Trial], Sequence[Part]]
    polls: bool = False
    writes: bool = False
    rounds: bool = False
    serves_on: bool = True
    during: Callable[[Trial], None] = lambda trial: None
    mend: Callable[[Trial], None] = lambda trial: trial.notes.extend(trial.region.heal())
    after: Callable[[Trial], None] = lambda trial: None


def run_trial(region: Region, fault: Fault, run: int) -> Record:
    """Break it once, under load, and judge. The lab is whole again afterwards."""
    region.wait_redundant(2 * DEADLINE)
    tenant = make_tenant(region)
    trial = Trial(region, tenant, run, History(), [])
    measured = History()
    meters = _meters(fault, trial, measured)
    try:
        with Meters(meters) as metering, Load(region, tenant, trial.clients):
            calm_since = _served(trial, metering, time.monotonic(), CALM_SERVED)
            _served(trial, metering, calm_since, CALM_SERVED)
            struck_at = time.monotonic()
            trial.struck_at = time.time()
            trial.struck = fault.strike(trial)
            if fault.serves_on:
                _served(trial, metering, time.monotonic(), OUTAGE_SERVED)
            fault.during(trial)
            mended_at = time.monotonic()
            fault.mend(trial)
            region.wait_redundant(2 * DEADLINE)
            redundant_after = time.monotonic() - mended_at
            fault.after(trial)
            _served(trial, metering, time.monotonic(), AFTER_SERVED)
            ended_at = time.monotonic()
        operations = [*trial.clients, *measured]
        state = _final(region, tenant, operations)
        verdict = judge(operations, state)
    finally:
        region.heal()
        region.wait_redundant(2 * DEADLINE)
        remove_tenant(region, tenant)
    count = failures(trial.clients.all())
    builds = {} if trial.builds is None else {BUILDS: trial.builds}
    return Record(
        fault=fault.key,
        run=run,
        struck=tuple(part.name for part in trial.struck),
        calm={meter.name: meter.gap(calm_since, struck_at).seconds for meter in meters},
        gaps={meter.name: meter.gap(struck_at, mended_at).seconds for meter in meters} | builds,
        returning={meter.name: meter.gap(mended_at, ended_at).seconds for meter in meters},
        requests=count.requests,
        failed_safe=count.safe,
        refused=count.refused,
        unknown=count.unknown,
        redundant_after=redundant_after,
        lost=verdict.lost,
        ruling=verdict.ruling,
        problems=(*verdict.problems, *(f"unread: {what}" for what in verdict.unread)),
        notes=tuple(trial.notes),
        failed=tuple(_line(one, struck_at) for one in trial.clients if one.outcome is not Outcome.OK)[:30],
    )


def ended(trial: Trial) -> None:
    """Wait until the containers that were struck have ended by themselves."""

    def running() -> str:
        there = trial.region.engine.containers()
        return ", ".join(part.name for part in trial.struck if there[part.name].is_running)

    until(running, DEADLINE, "end of the container")


def _meters(fault: Fault, trial: Trial, measured: History) -> list[AnyMeter]:
    found: list[AnyMeter] = []
    if fault.polls:
        found += [Polls(trial.region, fresh=fresh, slow=trial.region.slow) for fresh in (True, False)]
    if fault.writes:
        found.append(Writes(trial.tenant, measured))
    if fault.rounds:
        found.append(Rounds(trial.tenant, measured))
    return found


def _served(trial: Trial, metering: Meters, since: float, count: int) -> float:
    """Wait until load and meters were served so often after a moment."""
    seconds = DEADLINE * trial.region.slow
    trial.clients.wait_for(count, seconds, since=since)

    def lacking() -> str:
        return ", ".join(meter.name for meter in metering.meters if not meter.served(count // 2, since))

    until(lacking, seconds, f"{count // 2} successes after {since:.1f}")
    return time.monotonic()


def _final(region: Region, tenant: Tenant, operations: Iterable[Operation]) -> FinalState:
    """Wait until every server came to its end and runs in one place, then read all. A wait in vain is judged too."""

    def unsettled() -> str:
        with region.client() as admin:
            servers = read_servers(admin, tenant)
        hanging = [server.name for server in servers if server.task or server.status not in FINAL_STATUS]
        placed = {server.id: server.host for server in servers}
        guests = [guest for guest in read_guests(region, set(placed)) if not guest.is_gone]
        return ", ".join(hanging + [guest.server for guest in guests if placed[guest.server] != guest.host])

    with suppress(TimeoutError):  # the verdict names what hangs
        until(unsettled, DEADLINE * region.slow, "end of every server")
    return read_state(region, tenant, operations)


def _line(one: Operation, struck_at: float) -> str:
    return f"{one.began - struck_at:+.2f}…{one.ended - struck_at:+.2f} {one.kind}: {one.outcome} {one.status} {one.why}"

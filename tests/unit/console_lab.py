"""A lab for the console made by hand: two regions, all well, and what becomes of them in a failover."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from lab.console.snapshot import Snapshot
from lab.registers import Outcome
from lab.status_model import Health, LabStatus, OutsideStatus, PartStatus, RegionStatus, RoleStatus
from lab.topology import OUTSIDE, Topology, label
from lab.watch.lanes import Lane
from lab.watch.recorder import Recorder
from lab.watch.run import Event, Judgement, Operation, Run, Tone, summaries

TOPOLOGY = Topology("blue", "10.123.44", 24680, regions=2)
SAYS = {"mon": "in quorum", "osd": "up, in", "galera": "synced", "lb": "stands by", "edge": "publishes identity"}


def region(site: str, regions: int = 2) -> RegionStatus:
    """A region where all is well."""
    topology = Topology("blue", "10.123.44", 24680, regions=regions).at(site)
    roles = tuple(
        RoleStatus(
            role,
            tuple(
                PartStatus(part.name, role, topology.address(part), "running", Health.GOOD, SAYS.get(role, "works"))
                for part in topology.parts
                if part.role == role
            ),
        )
        for role in topology.roles
    )
    leaders = {"conductor": "mq2", "scheduler": "mq1"}
    return RegionStatus("blue", topology.region, site, topology.vip, "lb1", True, "proxysql", "", "db1", 3, leaders,
                        (), (), (), roles)  # fmt: skip


def outside(way: str = "") -> OutsideStatus:
    """The third site."""
    topology = TOPOLOGY.at(OUTSIDE)
    roles = tuple(
        RoleStatus(
            part.role, (PartStatus(part.name, part.role, topology.address(part), "running", Health.GOOD, "works"),)
        )
        for part in topology.parts
    )
    return OutsideStatus(roles, way)


def broken(status: RegionStatus, **states: str) -> RegionStatus:
    """The same region with some parts in other states of their containers; `doubt` is a part that runs and fails."""

    def changed(part: PartStatus) -> PartStatus:
        state = states.get(part.name)
        if state == "doubt":
            return replace(part, health=Health.DOUBTFUL, says="does not answer")
        return replace(part, container=state, health=Health.DOWN, says="") if state else part

    roles = tuple(RoleStatus(role.role, tuple(changed(part) for part in role.parts)) for role in status.roles)
    return replace(status, roles=roles)


def well(regions: int = 2) -> Snapshot:
    """Nothing is broken."""
    sites = ("one", "two")[:regions]
    status = LabStatus("blue", tuple(region(site, regions) for site in sites), outside() if regions > 1 else None)
    return Snapshot(status, anycast="10.123.44.11" if regions > 1 else "")


def failed_over() -> Snapshot:
    """The writer is dead and another took over; so did the second load balancer; more is broken in other ways."""
    calm = well()
    one, two = calm.status.regions
    one = broken(replace(one, writer="db2", address_holder="lb2"), db1="dead", lb1="paused", identity2="doubt")
    two = broken(two, sdb1="cut off", osd3="dead")
    return replace(calm, status=replace(calm.status, regions=(one, two), outside=outside("one-two: 80 ms each way")))


def labels(snapshot: Snapshot) -> set[str]:
    """What every part is called."""
    regions = snapshot.status.regions
    named = {label(own.site, part.name) for own in regions for role in own.roles for part in role.parts}
    third = snapshot.status.outside
    return named | ({part.name for role in third.roles for part in role.parts} if third else set())


class FakeLab:
    """A lab by hand: what is struck is written down, and becomes what the next look sees."""

    name = "blue"

    def __init__(self, snapshot: Snapshot | None = None, seconds: float = 52.0) -> None:
        self.snapshot = snapshot or well()
        self.done: list[tuple[object, ...]] = []
        self.refusal: Exception | None = None
        self._seconds = seconds

    def look(self) -> Snapshot:
        if self.refusal is not None:
            raise self.refusal
        return self.snapshot

    def strike(self, kind: str, selectors: Sequence[str], seconds: float) -> str:
        if self.refusal is not None:
            raise self.refusal
        self.done.append((kind, *selectors, seconds))
        return f"Did {kind} to {', '.join(selectors)} for {seconds:g} s."

    def spoil_way(self, fault: str, seconds: float) -> str:
        self.done.append(("way", fault, seconds))
        return f"The way is {fault}."

    def heal(self) -> list[str]:
        self.done.append(("heal",))
        return ["db1 started"]

    def watch(self, site: str, ended: threading.Event, hear: Callable[[Recorder], None]) -> Run:
        """As if it had been going on for a while: the database's writer died, and then the load balancer."""

        def step(name: str) -> Callable[[int], tuple[Outcome, str]]:
            return lambda _: (Outcome.OK if is_served(name, recorder.now) else Outcome.FAIL, "")

        lanes = [Lane(name, min(calm / 4, 0.5), calm, step(name)) for name, calm in CALM.items()]
        recorder = Recorder(lanes)
        with recorder:
            recorder.began -= self._seconds
            for operation in replayed(self._seconds):
                recorder.add(operation)
            for event in EVENTS:
                recorder.tell(event.who, event.says, event.tone, event.at)
            hear(recorder)
            assert ended.wait(30)
            until = recorder.now
        operations = tuple(one for one in recorder.operations if one.ended <= until)
        seen = summaries(operations, CALM, until)
        verdict = Judgement("valid", (), ("lost writes", "stale reads"))
        return Run("blue", STARTED, until, seen, operations, tuple(recorder.events), verdict)


STARTED = "2026-05-04T10:11:12+00:00"
CALM = {"token": 2.5, "catalog": 0.7, "image": 1.2, "servers": 0.7, "boot": 15.0, "db write": 0.7, "db read": 0.7}
CALM |= {"RPC": 1.2, "object": 2.0, "block": 0.7, "DNS": 1.0, "anycast": 0.4}
EVENTS = (
    Event(11.8, "you", "kill lb:active for 20 s", Tone.HARM),
    Event(12.0, "lb1", "killed", Tone.HARM),
    Event(12.3, "lb2", "has the address 10.123.44.10, lb1 had it", Tone.CHANGE),
    Event(32.1, "lb1", "started", Tone.HELP),
    Event(45.0, "you", "kill db1 for 20 s", Tone.HARM),
    Event(45.1, "db1", "killed", Tone.HARM),
)
#: From when to when which lanes are not served; the longest goes on as long as the run.
SILENT = {"db write": ((12.0, 12.9), (45.1, 99.0)), "catalog": ((12.0, 12.8),), "servers": ((12.0, 12.8),)}
SILENT |= {"token": ((11.0, 14.0),), "anycast": ((12.0, 12.5),), "object": ((12.0, 14.2),)}


def is_served(lane: str, at: float) -> bool:
    """Whether a request of that moment succeeds."""
    return not any(began <= at < ended for began, ended in SILENT.get(lane, ()))


def replayed(seconds: float) -> list[Operation]:
    """What the lanes saw in so many seconds."""
    found = []
    for lane, calm in CALM.items():
        step, at = max(calm / 4, 0.1), 0.1
        while at < seconds:
            outcome = Outcome.OK if is_served(lane, at) else Outcome.FAIL
            found.append(Operation(lane, at, min(at + 0.018, seconds), outcome, ""))
            at += step
    return found

"""What each kind of fault does to parts, and how it is undone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from lab import faults
from lab.containers import ContainerFacts, LabEngine
from lab.errors import BadNameError
from lab.leases import inside, packets, slowness
from lab.leases.lease import CLOCK, DISK, INSIDE, PACE, PACKETS, Lease, Leases, to_mend
from lab.names import find_part
from lab.topology import Part, Topology

DEAD = {"exited", "created", "dead"}
SKEW = re.compile(r"([+-])(\d+(?:\.\d+)?)([smh])")
SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
LONGEST_SKEW = 1000 * 3600.0
#: What a person is told when it is over.
MENDED = {
    PACKETS: "gets all its packets",
    PACE: "sends as fast as ever",
    DISK: "has room on its disk again",
    CLOCK: "has the right time again",
}


def share(text: str) -> float:
    """0.05 out of `5%` or `5`. Raises BadNameError."""
    try:
        found = float(text.strip().removesuffix("%")) / 100
    except ValueError:
        found = 0.0
    if not 0 < found <= 1:
        raise BadNameError(f"{text!r} is no share of packets: say 5%.")
    return found


def milliseconds(text: str) -> float:
    """80.0 out of `80ms` or `80`. Raises BadNameError."""
    try:
        found = float(text.strip().removesuffix("ms"))
    except ValueError:
        found = 0.0
    if not 0 < found <= 5000:
        raise BadNameError(f"{text!r} is no delay: say 80ms, up to 5000ms.")
    return found


def skew(text: str) -> float:
    """7200.0 out of `+2h`, -90.0 out of `-90s`. Raises BadNameError."""
    found = SKEW.fullmatch(text.strip())
    seconds = float(found[2]) * SECONDS[found[3]] if found else 0.0
    if found is None or not 0 < seconds <= LONGEST_SKEW:
        raise BadNameError(f"{text!r} is nothing that a clock is off by: say +2h, or -90s.")
    return -seconds if found[1] == "-" else seconds


def refuse(kind: str, parts: Iterable[Part]) -> None:
    """Raises BadNameError for a part that this kind of fault is not for."""
    for part in parts:
        if kind == "fill-disk":
            inside.refuse_without_disk(part)
        elif kind == "clock-skew":
            inside.refuse_without_clock(part)


def rules(lease: Lease, topology: Topology) -> list[str]:
    """What a fault of packets asks of each of its parts. Pure. Raises BadNameError."""
    if lease.kind == "loss":
        return packets.lose(share(lease.detail))
    others = [find_part(label) for label in lease.detail.removeprefix("from ").split(",")]
    return packets.drop_to_and_from(topology.at(other.site).address(other) for other in others)


def inflict(engine: LabEngine, topology: Topology, lease: Lease) -> None:
    """Break what the lease names. Raises LabError."""
    parts = [find_part(label) for label in lease.labels]
    if lease.kind == "kill":
        faults.kill_together(engine, parts)
        return
    wanted = rules(lease, topology) if lease.condition == PACKETS else []

    def one(part: Part) -> None:
        if wanted:
            packets.apply(engine, topology, part, wanted)
        elif lease.condition == PACE:
            slowness.begin(engine, topology, part, milliseconds(lease.detail), lease.until - lease.began)
        elif lease.condition == DISK:
            inside.fill_disk(engine, topology, part)
        elif lease.condition == CLOCK:
            inside.skew_clock(engine, part, skew(lease.detail))
        else:
            _VERBS[lease.kind](engine, part)

    _each(one, parts)


_VERBS: dict[str, Callable[[LabEngine, Part], None]] = {
    "stop": faults.stop,
    "pause": faults.pause,
    "isolate": faults.cut,
}


def is_to_undo(condition: str, facts: ContainerFacts) -> bool:
    """Whether a part is as a fault leaves it; who was mended in another way is left alone. Pure."""
    if condition == PACKETS:
        return facts.state == "running"  # rules are gone with whoever ended
    if condition in INSIDE:
        return True
    if condition == "alone":
        return not facts.is_connected
    return facts.state in ({"paused"} if condition == "frozen" else DEAD)


def rules_kept(label: str, others: Iterable[Lease], topology: Topology) -> list[str]:
    """What other leases still ask of a part's packets. Pure."""
    return [
        rule
        for other in others
        if other.condition == PACKETS and label in other.labels
        for rule in rules(other, topology)
    ]


def undo(engine: LabEngine, topology: Topology, lease: Lease, leases: Iterable[Lease], now: float) -> list[str]:
    """Mend what only this lease keeps broken; the labels of what was mended. What is gone or well is left alone."""
    there = engine.containers()
    others = [other for other in leases if other.id != lease.id and other.until > now]
    labels = lease.labels if lease.condition == PACKETS else to_mend(lease, others, now)
    mended = [label for label in labels if label in there and is_to_undo(lease.condition, there[label])]

    def one(part: Part) -> None:
        if lease.condition == PACKETS:
            packets.replace(engine, topology, part, rules_kept(part.label, others, topology))
        elif lease.condition == PACE:
            slowness.end(engine, topology, part)
        elif lease.condition == DISK:
            inside.make_room(engine, topology, part)
        elif lease.condition == CLOCK:
            inside.skew_clock(engine, part, 0)
        elif lease.condition == "alone":
            faults.reconnect(engine, part, topology)
        else:
            faults.start(engine, part)

    _each(one, [find_part(label) for label in mended])
    return mended


def undo_due(engine: LabEngine, topology: Topology, leases: Leases, now: float) -> list[str]:
    """Undo what is over and was not undone, because its keeper died with the machine, say."""
    mended = []
    for lease in leases.all():
        if lease.until <= now:
            mended += undo(engine, topology, lease, leases.all(), now)
            leases.remove(lease.id)
    return mended


def undo_inside(engine: LabEngine, topology: Topology, leases: Leases, now: float) -> list[str]:
    """Undo every fault that only its lease knows of, and forget all leases: `faults.heal` mends what else is broken.

    A sentence for each thing that was mended.
    """
    mended: list[str] = []
    for lease in leases.all():
        if lease.condition in INSIDE:
            mended += [f"{label} {MENDED[lease.condition]}" for label in undo(engine, topology, lease, (), now)]
        leases.remove(lease.id)
    return sorted(set(mended))


def _each(act: Callable[[Part], None], parts: Sequence[Part]) -> None:
    with ThreadPoolExecutor(faults.AT_ONCE) as pool:
        list(pool.map(act, parts))

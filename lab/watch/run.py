"""What was seen in one run: operations by lane, and what happened meanwhile. Times are seconds since the run began."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from lab.registers import Outcome

#: An operation that takes this share of the time that counts as a gap in its lane was not served well.
SLOW = 0.5


class Tone(StrEnum):
    """What an event means for those who watch."""

    HARM = "harm"  # something broke
    HELP = "help"  # something came back
    CHANGE = "change"  # a role moved


@dataclass(frozen=True, slots=True)
class Operation:
    """One request of one lane."""

    lane: str
    began: float
    ended: float
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One sentence of the story: who (a part's label, or `you`), what."""

    at: float
    who: str
    says: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without service in a lane: from the last success's end to the next one's. `closed`: it came to an end."""

    began: float
    ended: float
    closed: bool = True

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.ended - self.began


@dataclass(frozen=True)
class LaneSummary:
    """One lane of a whole run, in the terms of OpenStack's reliability reports: downtime, MTTR, degradation."""

    name: str
    operations: int
    failed: int
    unknown: int
    median: float  # seconds of a successful operation
    longest_gap: float
    downtime: float  # the sum of its gaps
    gaps: tuple[Gap, ...]
    mttr: float = 0.0  # mean time to recovery: of the gaps that came to an end; 0 where none did
    degraded: float = 0.0  # the share (0 to 1) of the operations outside of gaps that were not served well


@dataclass(frozen=True)
class Judgement:
    """The verdict on what the operations saw: `valid`, `invalid` or `unknown`, and why, a sentence each."""

    ruling: str
    reasons: tuple[str, ...] = ()
    checked: tuple[str, ...] = ()  # what was looked for, a phrase each


@dataclass(frozen=True)
class Run:
    """One run of `quorate watch`."""

    lab: str
    started: str  # ISO 8601, UTC
    seconds: float
    lanes: tuple[LaneSummary, ...]
    operations: tuple[Operation, ...]
    events: tuple[Event, ...]
    judgement: Judgement = field(default_factory=lambda: Judgement("unknown"))

    def as_json(self) -> dict[str, Any]:
        """For programs; without the single operations, which are in the history beside it."""
        return {name: value for name, value in asdict(self).items() if name != "operations"}


def gaps(operations: Iterable[Operation], longest_calm: float, until: float) -> list[Gap]:
    """The times without a success longer than `longest_calm` seconds, in order. Pure.

    A gap begins where the last success ended and ends where the next one ended: so long did somebody wait who asked
    all the time.
    """
    found = []
    last = 0.0
    for one in sorted((each for each in operations if each.outcome is Outcome.OK), key=lambda each: each.ended):
        if one.ended > until:
            break
        if one.ended - last > longest_calm:
            found.append(Gap(last, one.ended))
        last = one.ended
    if until - last > longest_calm:
        found.append(Gap(last, until, closed=False))
    return found


def mean_time_to_recovery(found: Iterable[Gap]) -> float:
    """The mean length of the gaps that came to an end, in seconds; 0 where none did. Pure."""
    closed = [gap.seconds for gap in found if gap.closed]
    return sum(closed) / len(closed) if closed else 0.0


def degradation(own: Iterable[Operation], found: Iterable[Gap], longest_calm: float) -> float:
    """The share of the operations outside of gaps that failed, stayed unknown or took more than half of a gap's time.

    So an outage is counted once, as downtime, and not here too. `found` is in the order of time. Pure.
    """
    outages = list(found)
    begins = [gap.began for gap in outages]

    def is_outside(one: Operation) -> bool:
        last = bisect_left(begins, one.ended) - 1
        return last < 0 or outages[last].ended < one.ended

    outside = [one for one in own if is_outside(one)]
    bad = [one for one in outside if one.outcome is not Outcome.OK or one.ended - one.began > SLOW * longest_calm]
    return len(bad) / len(outside) if outside else 0.0


def summary(name: str, operations: Iterable[Operation], longest_calm: float, until: float) -> LaneSummary:
    """One lane in numbers. Pure."""
    own = [one for one in operations if one.lane == name]
    times = sorted(one.ended - one.began for one in own if one.outcome is Outcome.OK)
    found = gaps(own, longest_calm, until)
    return LaneSummary(
        name=name,
        operations=len(own),
        failed=sum(one.outcome is Outcome.FAIL for one in own),
        unknown=sum(one.outcome is Outcome.UNKNOWN for one in own),
        median=times[len(times) // 2] if times else 0.0,
        longest_gap=max((gap.seconds for gap in found), default=0.0),
        downtime=sum(gap.seconds for gap in found),
        gaps=tuple(found),
        mttr=mean_time_to_recovery(found),
        degraded=degradation(own, found, longest_calm),
    )


def summaries(operations: Iterable[Operation], calm: Mapping[str, float], until: float) -> tuple[LaneSummary, ...]:
    """Every lane in numbers; `calm` says for each how long may pass between two successes without a gap. Pure."""
    own = list(operations)
    return tuple(summary(name, own, longest, until) for name, longest in calm.items())

"""What a check found, and the checks of a recorded run. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lab.errors import LabError
from lab.registers import Outcome
from lab.watch.run import LaneSummary, Run, gaps

#: What a client says that did not wait any longer.
IMPATIENT = "ReadTimeoutError"


@dataclass(frozen=True)
class Finding:
    """Whether something is true, in one sentence that does not say how to make it so; and what was measured."""

    ok: bool
    says: str
    measured: dict[str, float] = field(default_factory=dict)


def worst(rounds: list[list[Finding]]) -> list[Finding]:
    """The same checks, made several times: each as it came out worst, with the largest measured values."""
    found = []
    for same in zip(*rounds, strict=True):
        bad = next((each for each in same if not each.ok), same[-1])
        measured: dict[str, float] = {}
        for each in same:
            measured |= {key: max(value, measured.get(key, 0.0)) for key, value in each.measured.items()}
        found.append(Finding(bad.ok, bad.says, measured))
    return found


def downtime_below(run: Run, argument: dict[str, Any]) -> Finding:
    """`{lane, seconds, key?}`: nobody waited longer than so for a function."""
    lane, most = _lane(run, argument["lane"]), float(argument["seconds"])
    longest = lane.longest_gap or longest_wait(run, lane.name)
    says = (
        f"{lane.name}: the longest time without an answer was {longest:.2f} s; at most {most:g} s are allowed"
        if lane.longest_gap
        else f"{lane.name}: answered all the time ({longest:.2f} s between two answers, at most)"
    )
    return Finding(longest <= most, says, _measured(argument, longest))


def longest_wait(run: Run, lane: str) -> float:
    """The longest time between two answers of a lane, short of what counts as a gap, in seconds."""
    own = [each for each in run.operations if each.lane == lane]
    return max((gap.seconds for gap in gaps(own, 0.0, run.seconds) if gap.closed and gap.began), default=0.0)


def no_failed_requests(run: Run, argument: dict[str, Any]) -> Finding:
    """`{lane, key?}`: no request came back with an error, or was cut off.

    A client that lost its patience is another matter: how long it waits is what `downtime_below` looks at.
    """
    lane = _lane(run, argument["lane"])
    own = [one for one in run.operations if one.lane == lane.name and one.outcome is not Outcome.OK]
    count = sum(not one.detail.startswith(IMPATIENT) for one in own)
    says = f"{lane.name}: {count} of {lane.operations} requests failed" + ("; none may" if count else "")
    return Finding(not count, says, _measured(argument, count))


def errors_end_within(run: Run, argument: dict[str, Any]) -> Finding:
    """`{lane, seconds, key?}`: the last request without a good answer began soon after the first; measures how many.

    A client that lost its patience had none either. How many fail depends on how fast a machine asks; how long they go
    on does not.
    """
    lane, most = _lane(run, argument["lane"]), float(argument["seconds"])
    bad = sorted(one.began for one in run.operations if one.lane == lane.name and one.outcome is not Outcome.OK)
    span = bad[-1] - bad[0] if bad else 0.0
    says = f"{lane.name}: {len(bad)} of {lane.operations} requests failed"
    says += f", the last one {span:.1f} s after the first; {most:g} s are allowed" if bad else ""
    return Finding(span <= most, says, _measured(argument, len(bad)))


def gaps_at_most(run: Run, argument: dict[str, Any]) -> Finding:
    """`{lane, count, key?}`: a function was not away more often than so."""
    lane, most = _lane(run, argument["lane"]), int(argument["count"])
    count = len(lane.gaps)
    says = f"{lane.name}: it was away {count} times; {most} is allowed"
    return Finding(count <= most, says, _measured(argument, count))


def address_moves_at_most(run: Run, argument: dict[str, Any]) -> Finding:
    """`{count, key?}`: the region's address did not change its owner more often than so."""
    most = int(argument["count"])
    count = sum(event.says.startswith("has the address") for event in run.events)
    return Finding(count <= most, f"the address moved {count} times; {most} is right", _measured(argument, count))


def no_lost_acks(run: Run, _argument: Any) -> Finding:
    """Nothing that was acknowledged is lost, doubled or stale."""
    ruling, reasons = run.judgement.ruling, run.judgement.reasons
    says = "nothing that was acknowledged is lost" if ruling == "valid" else f"verdict {ruling}: {'; '.join(reasons)}"
    return Finding(ruling == "valid", says)


OF_RUNS: dict[str, Callable[[Run, Any], Finding]] = {
    "downtime_below": downtime_below,
    "no_failed_requests": no_failed_requests,
    "errors_end_within": errors_end_within,
    "gaps_at_most": gaps_at_most,
    "address_moves_at_most": address_moves_at_most,
    "no_lost_acks": no_lost_acks,
}


def _lane(run: Run, name: str) -> LaneSummary:
    for lane in run.lanes:
        if lane.name == name:
            return lane
    raise LabError(f"The run has no lane {name!r}.")


def _measured(argument: dict[str, Any], value: float) -> dict[str, float]:
    return {argument["key"]: round(value, 3)} if "key" in argument else {}

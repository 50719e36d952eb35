"""A check that breaks something while the lab is watched, as often as chance demands, and judges the run.

A machine that is busy with something else cannot measure a lab: a round that fails, and in which a function had no
answer in time before anything was broken, is made again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from lab.chaos.assault import Assault
from lab.chaos.schedule import Strike
from lab.errors import LabError, NotReadyError
from lab.exercises.bench import Bench
from lab.exercises.findings import OF_RUNS, Finding, worst
from lab.registers import Outcome
from lab.slowness import slowness
from lab.status_model import Health, RegionStatus
from lab.topology import ONE
from lab.watch import kept
from lab.watch.page import page
from lab.watch.recording import record
from lab.watch.run import Run

SETTLED = 20.0
#: How often a round is made again on a busy machine, all rounds together.
SPARE = 2
#: What tells whether something acknowledged was lost, besides the lanes that a check names.
WITNESSES = frozenset({"db write", "db read", "boot", "object", "block"})


def trial(bench: Bench, argument: dict[str, Any]) -> list[Finding]:
    """`{strikes: [{at, kind, parts, for}], seconds, rounds?, expect}`; the worst of all rounds. Raises LabError."""
    rounds: list[list[Finding]] = []
    count, spare = int(argument.get("rounds", 1)), SPARE
    while len(rounds) < count:
        if count > 1:
            bench.say(f"Round {len(rounds) + 1} of {count}, since chance plays a part:")
        bench.until(lambda: has_come_up(bench.look()), SETTLED)
        try:
            run = _run(bench, argument)
        except NotReadyError as error:
            return [Finding(False, f"the cloud does not serve: {error.message} ({bench.look().sentence})")]
        expected = [(word, lenient(wanted)) for each in argument["expect"] for word, wanted in each.items()]
        found = [judged(run, word, wanted) for word, wanted in expected]
        if not all(finding.ok for finding in found):
            unrest = unrest_before(run, strikes_of(argument.get("strikes", ())))
            if unrest and spare:
                bench.say(f"{unrest} Is this machine busy with something else? Once more:")
                spare -= 1
                continue
            return worst([*rounds, found])
        rounds.append(found)
    return worst(rounds)


def unrest_before(run: Run, strikes: Sequence[Strike]) -> str:
    """In one sentence, which function had no answer in time before the first strike; empty where all had. Pure."""
    first = min((strike.at for strike in strikes), default=0.0)
    for lane in run.lanes:
        own = [one for one in run.operations if one.lane == lane.name and one.ended <= first]
        late = sum(one.outcome is not Outcome.OK for one in own)
        if late:
            return f"Before anything was broken, {lane.name} had no answer in time {late} times out of {len(own)}."
    return ""


def lanes_of(expect: Sequence[dict[str, Any]]) -> frozenset[str]:
    """The lanes that a trial has to look at. Pure."""
    words = [(word, wanted or {}) for each in expect for word, wanted in each.items()]
    named = frozenset(str(wanted["lane"]) for _, wanted in words if "lane" in wanted)
    return named | (WITNESSES if any(word == "no_lost_acks" for word, _ in words) else frozenset())


def lenient(wanted: Any) -> Any:
    """What a check allows on a machine that is known to be slow: more seconds."""
    return wanted | {"seconds": float(wanted["seconds"]) * slowness()} if wanted and "seconds" in wanted else wanted


def has_come_up(status: RegionStatus) -> bool:
    """Whether everything that runs does its work: what was started a moment ago is no part of a trial yet. Pure."""
    return all(
        part.health is Health.GOOD for role in status.roles for part in role.parts if part.container == "running"
    )


def judged(run: Run, word: str, wanted: Any) -> Finding:
    """One check of a run. Pure. Raises LabError for a word that is none."""
    if word not in OF_RUNS:
        raise LabError(f"There is no check {word!r} of a run. There are: {', '.join(OF_RUNS)}.")
    return OF_RUNS[word](run, wanted or {})


def _run(bench: Bench, argument: dict[str, Any]) -> Run:
    seconds, strikes = float(argument["seconds"]), strikes_of(argument.get("strikes", ()))
    told = ", ".join(f"{strike.kind} {strike.label}" for strike in strikes)
    bench.say(f"Watching for {seconds:.0f} s" + (f" ({told})…" if told else "…"))
    assault = Assault(strikes)
    topology = bench.state.topology.at(str(argument.get("region", ONE)))
    try:
        run = record(
            bench.state,
            topology,
            seconds,
            Console(quiet=True),
            is_live=False,
            only=lanes_of(argument["expect"]),
            beside=assault.run,
            after=assault.end,
        )
    finally:
        assault.end()
    place = kept.keep(run, page(run))
    bench.say(f"The run is in {place.relative_to(place.parents[2])}/timeline.html.")
    return run


def strikes_of(raw: Sequence[dict[str, Any]]) -> list[Strike]:
    """The strikes of an exercise's file, each part on its own, by time. Pure."""
    found = [
        Strike(float(each["at"]), each["kind"], part, float(each["for"])) for each in raw for part in each["parts"]
    ]
    return sorted(found, key=lambda strike: strike.at)

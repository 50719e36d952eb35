"""A check that breaks something while the lab is watched, as often as chance demands, and judges the run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from rich.console import Console

from lab.chaos.assault import Assault
from lab.chaos.schedule import Strike
from lab.errors import LabError, NotReadyError
from lab.exercises.bench import Bench
from lab.exercises.findings import OF_RUNS, Finding, worst
from lab.status_model import Health, RegionStatus
from lab.topology import ONE
from lab.watch import kept
from lab.watch.page import page
from lab.watch.recording import record
from lab.watch.run import Run

SETTLED = 20.0


def trial(bench: Bench, argument: dict[str, Any]) -> list[Finding]:
    """`{strikes: [{at, kind, parts, for}], seconds, rounds?, expect}`; the worst of all rounds. Raises LabError."""
    rounds: list[list[Finding]] = []
    count = int(argument.get("rounds", 1))
    for number in range(1, count + 1):
        if count > 1:
            bench.say(f"Round {number} of {count}, since chance plays a part:")
        bench.until(lambda: has_come_up(bench.look()), SETTLED)
        try:
            run = _run(bench, argument)
        except NotReadyError as error:
            return [Finding(False, f"the cloud does not serve: {error.message} ({bench.look().sentence})")]
        expected = [(word, lenient(wanted)) for each in argument["expect"] for word, wanted in each.items()]
        rounds.append([judged(run, word, wanted) for word, wanted in expected])
        if not all(finding.ok for finding in rounds[-1]):
            break
    return worst(rounds)


def lenient(wanted: Any) -> Any:
    """What a check allows on a machine that is known to be slow (QUORATE_SLOW): at most twice the seconds.

    More would let states pass that are meant to fail.
    """
    slow = min(2.0, float(os.environ.get("QUORATE_SLOW", "1")))
    return wanted | {"seconds": float(wanted["seconds"]) * slow} if wanted and "seconds" in wanted else wanted


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

"""What a student has reached, out of the journal. Pure: the same for the student and for whoever grades."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.exercises.journal import Entry, of
from lab.exercises.model import HINT_COST, Exercise


@dataclass(frozen=True)
class StageStanding:
    """One stage: what was foreseen, what was measured first and last, what it took, what it gives."""

    stage: int
    passed: bool
    solved: bool  # the solution was asked for
    hints: int
    attempts: int
    points: int
    predicted: Mapping[str, float]
    measured_first: Mapping[str, float]
    measured_last: Mapping[str, float]
    answers: Mapping[str, str]


def of_stage(exercise: Exercise, stage: int, entries: Sequence[Entry]) -> StageStanding:
    """How one stage (from 1) stands. Pure."""
    own = of(entries, exercise.number, stage)
    checks = [each for each in own if each.what == "check"]
    passed = any(each.values.get("passed") for each in checks)
    until = next((n for n, each in enumerate(own) if each.what == "check" and each.values.get("passed")), len(own))
    before = own[:until]
    hints = len({each.values.get("number") for each in before if each.what == "hint"})
    solved = any(each.what == "solve" for each in before)
    share = 0.0 if solved or not passed else max(0.0, 1 - HINT_COST * hints)
    first = [each.values.get("measured") or {} for each in own if each.what in {"measure", "check"}]
    measured = [each.values.get("measured") or {} for each in checks]
    return StageStanding(
        stage=stage,
        passed=passed,
        solved=solved,
        hints=hints,
        attempts=len([each for each in before if each.what == "check"]) + passed,
        points=round(share * exercise.stages[stage - 1].points),
        predicted={str(e.values["key"]): float(e.values["number"]) for e in before if e.what == "predict"},
        measured_first={key: value for each in reversed(first) for key, value in each.items()},
        measured_last=next((each for each in reversed(measured) if each), {}),
        answers={str(each.values["key"]): str(each.values["text"]) for each in before if each.what == "answer"},
    )


def of_exercise(exercise: Exercise, entries: Sequence[Entry]) -> list[StageStanding]:
    """How all its stages stand. Pure."""
    return [of_stage(exercise, number, entries) for number in range(1, len(exercise.stages) + 1)]


def next_stage(exercise: Exercise, entries: Sequence[Entry]) -> int | None:
    """The first stage that was not passed; None where all were. Pure."""
    return next((each.stage for each in of_exercise(exercise, entries) if not each.passed), None)


def current(entries: Sequence[Entry]) -> tuple[int, int] | None:
    """The exercise and the stage that were begun last; None where nothing goes on. Pure."""
    for entry in reversed(entries):
        if entry.what in {"start", "reset"}:
            return entry.exercise, entry.stage
        if entry.what == "stop":
            return None
    return None

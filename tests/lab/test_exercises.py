"""Every stage of every exercise, as a student does it: its start state fails the check, its solution passes."""

from __future__ import annotations

import json

import pytest

from lab.exercises import actions
from lab.exercises.catalogue import folder, load
from lab.exercises.model import Exercise
from lab.exercises.variation import for_student
from lab.heal import heal_all
from tests.lab.region import Region
from tests.lab.test_fault_leases import quorate

STUDENT = "proof"
STAGES = [(exercise, number) for exercise in load() for number in range(1, len(exercise.stages) + 1)]


def check(code: int) -> dict[str, object]:
    """What `check` finds, for programs; it must end with this code."""
    said = quorate("exercise", "check", "--json", code=code)
    return json.loads(next(line for line in said.splitlines() if line.startswith("{")))


@pytest.mark.parametrize(("exercise", "number"), STAGES, ids=[f"{folder(e)}-{n}" for e, n in STAGES])
def test_the_start_state_fails_and_the_solution_passes(
    region: Region, one_course: None, exercise: Exercise, number: int
) -> None:
    heal_all(lambda sentence: None)  # a solution may be a fault that goes on
    region.wait_redundant(120)
    if exercise.regions > region.topology.regions:
        pytest.skip(f"exercise {exercise.number} needs {exercise.regions} regions")
    stage = for_student(exercise, STUDENT).stages[number - 1]
    said = quorate("exercise", "start", str(exercise.number), "--stage", str(number), "--student", STUDENT)
    assert exercise.title.split(":")[0] in said
    for question in stage.predictions:
        quorate("exercise", "predict", question.key, "1", "--later")  # the failing check measures the same
    for key, text in actions.answers(stage.solution).items():
        quorate("exercise", "answer", key, text)
    before = check(code=1)
    assert not before["passed"]
    quorate("exercise", "solve")
    after = check(code=0)
    assert after["passed"], after

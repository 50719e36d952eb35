"""What happens to an exercise: begun, checked, reset, solved. The lab is changed here, and the journal written."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from lab.errors import BadNameError, LabError
from lab.exercises import actions, checks, files
from lab.exercises.bench import Bench, opened
from lab.exercises.catalogue import JOURNAL, begin_work, digest, has_own_files, load, solve_work
from lab.exercises.findings import Finding
from lab.exercises.journal import Entry, Journal, of
from lab.exercises.model import Exercise, Stage, find
from lab.exercises.standing import current, next_stage, of_stage
from lab.exercises.variation import for_student

Say = Callable[[str], None]


@dataclass(frozen=True)
class Place:
    """Where a student stands: an exercise as this student has it, and a stage of it (from 1)."""

    journal: Journal
    exercise: Exercise
    number: int

    @property
    def stage(self) -> Stage:
        """The stage itself."""
        return self.exercise.stages[self.number - 1]

    def note(self, what: str, **values: object) -> None:
        """Write down what was done."""
        self.journal.add(time.time(), self.exercise.number, self.number, what, **values)


def here() -> Place:
    """The stage that goes on. Raises LabError where none does."""
    journal = Journal(JOURNAL)
    at = current(journal.entries)
    if at is None:
        raise LabError("No exercise goes on; `quorate exercise start 1` begins the first one.")
    return Place(journal, for_student(find(load(), str(at[0])), journal.student), at[1])


def start(wanted: str, student: str, stage: int | None, say: Say) -> Place:
    """Begin an exercise, or its next stage, from its start state. Raises LabError."""
    journal = Journal(JOURNAL)
    if student or not journal.student:
        journal.begin(student)
    exercise = for_student(find(load(), wanted), journal.student)
    number = stage or next_stage(exercise, journal.entries) or 1
    if not 1 <= number <= len(exercise.stages):
        raise BadNameError(f"Exercise {exercise.number} has {len(exercise.stages)} stages.")
    place = Place(journal, exercise, number)
    before = current(journal.entries)
    with opened(exercise, say) as bench:
        if before is not None and before[0] != exercise.number:
            _leave(bench, for_student(find(load(), str(before[0])), journal.student))
        _restore(bench, place, anew=has_own_files(exercise, number))
    place.note("start", digest=digest(exercise))
    return place


def reset(say: Say) -> Place:
    """The stage's start state once more, the student's files included. Raises LabError."""
    place = here()
    with opened(place.exercise, say) as bench:
        # a later stage begins with the student's own files, unless it brings others
        _restore(bench, place, anew=place.number == 1 or has_own_files(place.exercise, place.number))
    place.note("reset")
    return place


def measure(say: Say) -> dict[str, float]:
    """What was predicted of the start state, measured; empty where nothing was, or it is known. Raises LabError.

    A check measures as well; but by then the student may have mended what was asked about.
    """
    place = here()
    standing = of_stage(place.exercise, place.number, place.journal.entries)
    keys = {question.key for question in place.stage.predictions if question.now}
    lacking = {question.key for question in place.stage.predictions} - standing.predicted.keys()
    if not keys or lacking or keys <= standing.measured_first.keys():
        return {}
    with opened(place.exercise, say) as bench:
        files.apply(bench)
        measured = checks.measure(bench, place.stage.checks, keys)
    if measured:
        place.note("measure", measured=measured)
    return measured


def check(say: Say) -> tuple[Place, list[Finding]]:
    """What is true already, and what is not. Raises LabError; BadNameError where a prediction is missing."""
    place = here()
    standing = of_stage(place.exercise, place.number, place.journal.entries)
    for question in place.stage.predictions:
        if question.key not in standing.predicted:
            raise BadNameError(f"Predict first: {question.ask} Then: `quorate exercise predict {question.key} NUMBER`.")
    found = answered(place.stage, dict(standing.answers))
    if all(question.key in standing.answers for question in place.stage.questions):
        with opened(place.exercise, say) as bench:
            files.apply(bench)
            found = [*checks.run(bench, place.stage.checks), *found]
    measured = {key: value for finding in found for key, value in finding.measured.items()}
    passed = all(finding.ok for finding in found)
    place.note("check", passed=passed, measured=measured, failed=[each.says for each in found if not each.ok])
    return place, found


def answered(stage: Stage, given: dict[str, str]) -> list[Finding]:
    """Whether the questions are answered, and rightly. Pure."""
    found = []
    for question in stage.questions:
        answer = given.get(question.key)
        if answer is None:
            found.append(
                Finding(False, f"not answered yet: {question.ask} (`quorate exercise answer {question.key} …`)")
            )
        else:
            right = answer.strip().lower() == question.right.strip().lower()
            found.append(
                Finding(right, f"your answer to {question.key!r}, {answer}, is {'' if right else 'not '}right")
            )
    return found


def solve(say: Say) -> Place:
    """Carry the reference solution out; the stage gives no points then. Raises LabError."""
    place = here()
    place.note("solve")
    with opened(place.exercise, say) as bench:
        solve_work(place.exercise, place.number, place.journal.student)
        actions.do(bench, place.stage.solution)
        files.apply(bench)
    standing = of_stage(place.exercise, place.number, place.journal.entries)
    for question in place.stage.predictions:
        if question.key not in standing.predicted:
            place.note("predict", key=question.key, number=0.0)
    for key, text in actions.answers(place.stage.solution).items():
        place.note("answer", key=key, text=text)
    return place


def hint() -> tuple[str, int, int, bool]:
    """The next hint, its number (from 1), how many there are, and whether it is new. Raises LabError where none is."""
    place = here()
    taken = len({each.values["number"] for each in _entries(place) if each.what == "hint"})
    if not place.stage.hints:
        raise LabError("This stage has no hints.")
    count = len(place.stage.hints)
    number = min(taken + 1, count)
    place.note("hint", number=number)
    return place.stage.hints[number - 1], number, count, taken < count


def predict(key: str, number: float) -> Place:
    """Note what the student expects. Raises BadNameError."""
    place = here()
    _known(key, [question.key for question in place.stage.predictions], "predict")
    if any(each.what in {"measure", "check"} for each in _entries(place)):
        raise LabError("This stage was checked already: what has been measured can't be predicted any more.")
    place.note("predict", key=key, number=number)
    return place


def answer(key: str, text: str) -> Place:
    """Note an answer. Raises BadNameError."""
    place = here()
    _known(key, [question.key for question in place.stage.questions], "answer")
    place.note("answer", key=key, text=text)
    return place


def stop(say: Say) -> None:
    """The lab as `make up` leaves it. Raises LabError."""
    place = here()
    with opened(place.exercise, say) as bench:
        actions.baseline(bench)
        actions.do(bench, place.exercise.clean)
    place.note("stop")


def _leave(bench: Bench, exercise: Exercise) -> None:
    """Take away what the exercise before this one left in the cloud."""
    if exercise.regions <= bench.state.regions:
        actions.do(replace(bench, exercise=exercise), exercise.clean)


def _restore(bench: Bench, place: Place, *, anew: bool) -> None:
    actions.baseline(bench)
    actions.do(bench, place.exercise.clean)
    for path in begin_work(place.exercise, place.number, place.journal.student, anew=anew):
        bench.say(f"Your file: {path.relative_to(bench.work.parent)}")
    actions.do(bench, place.stage.start)
    files.apply(bench)


def _entries(place: Place) -> list[Entry]:
    return of(place.journal.entries, place.exercise.number, place.number)


def _known(key: str, keys: list[str], what: str) -> None:
    if key not in keys:
        known = ", ".join(keys) or "nothing"
        raise BadNameError(f"There is nothing to {what} under {key!r} in this stage; there is: {known}.")

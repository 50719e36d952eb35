"""What a student did: the journal, what it is worth, and what a teacher's `grade` finds out."""

import json
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from lab.errors import LabError
from lab.exercises import show
from lab.exercises.catalogue import digest, load
from lab.exercises.grading import bundle, grade, grade_all, write
from lab.exercises.journal import Journal, broken_at
from lab.exercises.model import parse
from lab.exercises.standing import current, next_stage, of_stage

EXERCISES = load()
STUDENTS = [f"student-{number}" for number in range(30)]


def a_journal(tmp_path, student="ada", at=1000.0):
    """A student who did the first stage of the first exercise in two attempts, with one hint."""
    journal = Journal(tmp_path / f"{student}.json")
    journal.begin(student)
    first = EXERCISES[0]
    journal.add(at, 1, 1, "start", digest=digest(first))
    journal.add(at + 1, 1, 1, "predict", key="gap", number=6.0)
    journal.add(at + 2, 1, 1, "check", passed=False, measured={"gap": 8.5}, failed=["x"])
    journal.add(at + 3, 1, 1, "hint", number=1)
    journal.add(at + 4, 1, 1, "check", passed=True, measured={"gap": 0.0}, failed=[])
    return journal


def test_points_follow_from_the_record(tmp_path):
    journal = a_journal(tmp_path)
    standing = of_stage(EXERCISES[0], 1, journal.entries)
    assert (standing.passed, standing.hints, standing.attempts, standing.points) == (True, 1, 2, 8)
    assert (standing.predicted, standing.measured_first, standing.measured_last) == (
        {"gap": 6.0},
        {"gap": 8.5},
        {"gap": 0.0},
    )
    assert next_stage(EXERCISES[0], journal.entries) == 2
    assert current(journal.entries) == (1, 1)


def test_what_was_measured_before_anything_was_mended_stays_beside_the_prediction(tmp_path):
    journal = Journal(tmp_path / "ada.json")
    journal.begin("ada")
    journal.add(1, 1, 1, "start", digest=digest(EXERCISES[0]))
    journal.add(2, 1, 1, "predict", key="gap", number=6.0)
    journal.add(3, 1, 1, "measure", measured={"gap": 7.5})
    journal.add(4, 1, 1, "check", passed=True, measured={"gap": 0.3}, failed=[])
    standing = of_stage(EXERCISES[0], 1, journal.entries)
    assert (standing.measured_first, standing.measured_last, standing.attempts) == ({"gap": 7.5}, {"gap": 0.3}, 1)
    said = show.beside(SimpleNamespace(exercise=EXERCISES[0], number=1), journal.entries, standing.measured_last)
    assert str(said) == "You predicted 6 for gap; measured: 7.5 at first, 0.3 now.\n"


def test_a_prediction_about_the_start_state_is_marked_as_one():
    raw = {"now": {"now": "How many?"}, "done": "How many then?"}
    stage = {"title": "t", "task": "t", "checks": [{"runs": ["db1"]}], "solution": [], "predict": raw}
    (found,) = parse("01-a", {"title": "t", "minutes": 1, "stages": [stage]}).stages
    assert [(each.key, each.ask, each.now) for each in found.predictions] == [
        ("now", "How many?", True),
        ("done", "How many then?", False),
    ]


def test_a_solved_stage_gives_nothing_and_hints_after_passing_cost_nothing(tmp_path):
    journal = a_journal(tmp_path)
    journal.add(1005, 1, 1, "hint", number=2)
    assert of_stage(EXERCISES[0], 1, journal.entries).points == 8
    journal.add(1006, 1, 2, "start", digest=digest(EXERCISES[0]))
    journal.add(1007, 1, 2, "solve")
    journal.add(1008, 1, 2, "check", passed=True, measured={}, failed=[])
    assert of_stage(EXERCISES[0], 2, journal.entries).points == 0
    assert next_stage(EXERCISES[0], journal.entries) is None


def test_a_journal_is_read_again_as_it_was_written(tmp_path):
    journal = a_journal(tmp_path)
    again = Journal(tmp_path / "ada.json")
    assert (again.student, again.entries) == ("ada", journal.entries)
    assert broken_at("ada", again.entries) is None


def test_a_journal_belongs_to_one_student(tmp_path):
    with pytest.raises(LabError, match="ada's"):
        a_journal(tmp_path).begin("eve")


def test_a_clock_that_is_set_back_breaks_no_chain(tmp_path):
    journal = a_journal(tmp_path)
    journal.add(5.0, 1, 2, "start", digest="x")
    assert broken_at("ada", journal.entries) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda entries: (*entries[:2], *entries[3:]),
        lambda entries: (*entries[:4], replace(entries[4], values={"passed": True, "measured": {"gap": 9}})),
        lambda entries: (replace(entries[0], at=0.5), *entries[1:]),
        lambda entries: (entries[1], entries[0], *entries[2:]),
    ],
    ids=["left out", "changed", "earlier", "swapped"],
)
def test_a_changed_record_is_found(tmp_path, change):
    entries = a_journal(tmp_path).entries
    assert broken_at("ada", entries) is None
    assert broken_at("ada", change(entries)) is not None
    assert broken_at("eve", entries) == 1


DIGESTS = {each.number: digest(each) for each in EXERCISES}


def graded(content):
    return grade("file", json.dumps(content), EXERCISES, DIGESTS)


def test_an_honest_bundle_has_its_points_and_no_doubts(tmp_path):
    found = graded(bundle(a_journal(tmp_path), EXERCISES))
    assert (found.student, found.points, found.doubts) == ("ada", {1: 8}, ())


def test_each_kind_of_forgery_is_doubted(tmp_path):
    honest = bundle(a_journal(tmp_path), EXERCISES)
    changed = json.loads(json.dumps(honest))
    changed["entries"][2]["values"]["passed"] = True
    assert "changed at entry 3" in graded(changed).doubts[0]
    renamed = honest | {"student": "eve"}
    assert any("changed at entry 1" in doubt for doubt in graded(renamed).doubts)
    assert any("own variant" in doubt for doubt in graded(honest | {"values": {"1": {}}}).doubts)
    other = Journal(tmp_path / "other.json")
    other.begin("ada")
    other.add(1.0, 1, 1, "start", digest="of other files")
    assert any("other files" in doubt for doubt in graded(bundle(other, EXERCISES)).doubts)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "quorate exercises 1", "student": "a", "entries": [1]}'])
def test_what_is_no_bundle_is_said_and_stops_nothing(text):
    found = grade("file", text, EXERCISES, DIGESTS)
    assert found.total == 0
    assert "unreadable" in found.doubts[0]


def test_a_course_is_graded_at_once_and_copies_are_found(tmp_path):
    paths = []
    for number, student in enumerate([*STUDENTS, *(f"more-{n}" for n in range(170))]):
        path = tmp_path / f"bundle-{student}.json"
        write(path, bundle(a_journal(tmp_path, student, at=1000.0 + number), EXERCISES))
        paths.append(path)
    copy = tmp_path / "bundle-copy.json"
    copy.write_text(paths[0].read_text())
    began = time.monotonic()
    grades = grade_all([*paths, copy], EXERCISES)
    assert time.monotonic() - began < 60
    doubted = {each.file for each in grades if each.doubts}
    assert doubted == {str(paths[0]), str(copy)}
    assert len(grades) == 201

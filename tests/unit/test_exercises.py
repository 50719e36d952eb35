"""Exercises as data: what is given can be read, differs by student, and a record tells what was done."""

import json
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from lab.errors import BadNameError, LabError
from lab.exercises import actions, checks, course
from lab.exercises.bench import Bench
from lab.exercises.catalogue import GIVEN, begin_work, folder, load, solve_work
from lab.exercises.course import answered
from lab.exercises.findings import OF_RUNS
from lab.exercises.model import find, parse
from lab.exercises.variation import filled, for_student, values
from lab.paths import ROOT

EXERCISES = load()
NAMES = [folder(each) for each in EXERCISES]
STUDENTS = [f"student-{number}" for number in range(30)]


@pytest.fixture(params=EXERCISES, ids=NAMES)
def exercise(request):
    return request.param


def stages_of(student, exercise):
    return for_student(exercise, student).stages


def test_there_are_at_least_eight_with_increasing_numbers():
    assert [each.number for each in EXERCISES] == list(range(1, len(EXERCISES) + 1))
    assert len(EXERCISES) >= 8


def test_each_has_a_page_for_the_student(exercise):
    text = (GIVEN / folder(exercise) / "README.md").read_text()
    assert text.startswith(f"# {exercise.number}. ")
    assert f"exercise start {exercise.number}" in text


@pytest.mark.parametrize("student", STUDENTS[:5])
def test_each_word_of_each_stage_is_in_the_library(exercise, student):
    for stage in stages_of(student, exercise):
        assert {word for word, _ in (*stage.start, *stage.solution)} <= set(actions.WORDS)
        assert {word for word, _ in stage.checks} <= set(checks.WORDS)
        for word, argument in stage.checks:
            if word == "trial":
                assert {name for each in argument["expect"] for name in each} <= set(OF_RUNS)


def test_no_placeholder_is_left_for_any_student(exercise):
    for student in STUDENTS:
        assert "{{" not in repr(for_student(exercise, student).stages)


def test_a_solution_answers_every_question_rightly(exercise):
    for student in STUDENTS:
        for stage in stages_of(student, exercise):
            found = answered(stage, actions.answers(stage.solution))
            assert len(found) == len(stage.questions)
            assert all(each.ok for each in found)


def test_files_of_every_stage_are_there_and_are_filled(exercise, tmp_path):
    for number in range(1, len(exercise.stages) + 1):
        for path in begin_work(exercise, number, "ada", anew=True, work=tmp_path):
            assert "{{" not in path.read_text()
        solve_work(exercise, number, "ada", work=tmp_path)
        solved = {name: (tmp_path / folder(exercise) / name).read_bytes() for name in exercise.files}
        begin_work(exercise, number, "ada", anew=False, work=tmp_path)
        assert solved == {name: (tmp_path / folder(exercise) / name).read_bytes() for name in exercise.files}


def test_what_a_student_made_is_never_thrown_away(tmp_path):
    exercise = find(EXERCISES, "haproxy")
    (path,) = begin_work(exercise, 1, "ada", anew=True, work=tmp_path)
    path.write_text("hours of work\n")
    begin_work(exercise, 1, "ada", anew=True, work=tmp_path)
    mine = path.with_name("haproxy.cfg.mine")
    assert mine.read_text() == "hours of work\n"
    path.write_text("more of it\n")
    solve_work(exercise, 1, "ada", work=tmp_path)
    assert mine.read_text() == "more of it\n"


def test_every_prediction_is_measured_by_a_check(exercise):
    for stage in exercise.stages:
        told = repr(stage.checks)
        programs = [GIVEN / folder(exercise) / value["program"] for word, value in stage.checks if word == "proof"]
        told += "".join(path.read_text() for path in programs)
        for question in stage.predictions:
            assert f"'key': '{question.key}'" in told or f'"{question.key}":' in told


def test_students_differ_and_stay_the_same():
    varied = [each for each in EXERCISES if any(len(choices) > 1 for choices in each.vary.values())]
    assert len(varied) >= 5
    for each in varied:
        seen = {json.dumps({k: v for k, v in values(each, s).items() if k not in {"student", "tag"}}) for s in STUDENTS}
        assert len(seen) > 1
        assert values(each, "ada") == values(each, "ada")


def test_a_value_that_nothing_gives_is_an_error():
    with pytest.raises(LabError, match="nobody"):
        filled(["x {{nobody}}"], {})


RAW = {
    "title": "A",
    "minutes": 5,
    "stages": [{"title": "S", "task": "T", "checks": [{"runs": ["lb1"]}], "solution": []}],
}


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ({"title": "A", "minutes": 5}, "'stages' is missing"),
        (RAW | {"minutes": "soon"}, "soon"),
        (RAW | {"stages": [{"title": "S", "task": "T", "checks": [], "solution": []}]}, "without checks"),
        (RAW | {"stages": [{"title": "S", "task": "T", "checks": ["lb1"], "solution": []}]}, "not one word"),
        (None, "NoneType"),
    ],
)
def test_what_is_wrong_in_a_file_is_said(raw, says):
    with pytest.raises(LabError, match=says):
        parse("10-new", raw)


def test_a_folder_without_a_number_is_refused():
    with pytest.raises(LabError, match="03-keepalived"):
        parse("new", RAW)


def test_an_exercise_is_found_by_number_and_by_name():
    for name in ("3", "03", "keepalived", "03-keepalived"):
        assert find(EXERCISES, name).number == 3
    with pytest.raises(BadNameError, match="There are: 1"):
        find(EXERCISES, "99")


# ---- files that are copies of the lab's own --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["start", "solution-1"])
def test_the_spoiled_balancer_leaves_the_rest_as_the_lab_has_it(name):
    own = (ROOT / "lb" / "region.cfg").read_text()
    rest = own[own.index("# A slow client, a large manifest") :]
    assert (GIVEN / "02-haproxy" / name / "haproxy.cfg").read_text().endswith(rest)


def test_solutions_are_what_the_lab_has():
    assert (GIVEN / "02-haproxy/solution-2/haproxy.cfg").read_text() == (ROOT / "lb/region.cfg").read_text()
    own = (ROOT / "lb" / "keepalived.conf").read_text()
    body = own[own.index("global_defs") :]
    for path in ("03-keepalived/solution-2", "04-split-brain/solution-2/lb1", "04-split-brain/solution-2/lb2"):
        assert (GIVEN / path / "keepalived.conf").read_text().endswith(body)


def test_an_exercise_is_left_with_its_own_material(tmp_path, monkeypatch):
    said, done = [], []

    @contextmanager
    def opened(exercise, say):
        yield Bench(SimpleNamespace(regions=1), None, exercise, say, work=tmp_path)

    monkeypatch.setattr(course, "JOURNAL", tmp_path / "journal.json")
    monkeypatch.setattr(course, "opened", opened)
    monkeypatch.setattr(course, "begin_work", lambda *_, **__: [])
    monkeypatch.setattr(course.files, "apply", lambda _: [])
    monkeypatch.setattr(course.actions, "baseline", lambda _: None)
    monkeypatch.setattr(course.actions, "do", lambda bench, steps: done.append((bench.material, steps)))
    course.start("queues", "ada", None, said.append)
    done.clear()
    course.start("game-day", "", None, said.append)
    left = for_student(find(EXERCISES, "queues"), "ada")
    assert left.clean
    assert done[0] == (GIVEN / folder(left), left.clean)

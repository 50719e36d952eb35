"""Exercises as data: what is given can be read, differs by student, and a record tells what was done."""

import json
import time
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest

from lab.chaos.schedule import Strike
from lab.errors import BadNameError, LabError
from lab.exercises import actions, checks, course, show
from lab.exercises.bench import Bench
from lab.exercises.catalogue import GIVEN, begin_work, digest, folder, load, solve_work
from lab.exercises.checks import has_address
from lab.exercises.course import answered
from lab.exercises.findings import OF_RUNS, Finding, worst
from lab.exercises.grading import bundle, grade, grade_all, write
from lab.exercises.journal import Journal, broken_at
from lab.exercises.landing import as_they_should
from lab.exercises.model import find, parse
from lab.exercises.standing import current, next_stage, of_stage
from lab.exercises.trial import judged, lenient, strikes_of
from lab.exercises.variation import filled, for_student, values
from lab.paths import ROOT
from lab.registers import Outcome
from lab.watch.run import Event, Judgement, Operation, Run, Tone, summaries

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


# ---- what a run is judged by ----------------------------------------------------------------------------------------


def a_run(fails=(), gap=(4.0, 4.0), ruling="valid", moves=0, detail="503: no"):
    """Ten seconds of a lane that is asked ten times a second, without a success in the gap."""
    lane = []
    for number in range(100):
        at = number / 10
        bad = number in fails or gap[0] <= at < gap[1]
        lane.append(Operation("catalog", at, at + 0.01, Outcome.FAIL if bad else Outcome.OK, detail if bad else ""))
    events = [Event(float(n), "lb1", "has the address 10.0.0.10", Tone.CHANGE) for n in range(moves)]
    lanes = summaries(lane, {"catalog": 0.7}, 10.0)
    return Run("lab", "2026-01-01T00:00:00+00:00", 10.0, lanes, tuple(lane), tuple(events), Judgement(ruling, ("why",)))


@pytest.mark.parametrize(
    ("word", "argument", "good", "bad"),
    [
        ("downtime_below", {"lane": "catalog", "seconds": 1.0}, a_run(), a_run(gap=(3.0, 6.0))),
        ("no_failed_requests", {"lane": "catalog"}, a_run(), a_run(fails=(7,))),
        ("no_failed_requests", {"lane": "catalog", "most": 2}, a_run(fails=(7, 8)), a_run(fails=(7, 8, 9))),
        ("gaps_at_most", {"lane": "catalog", "count": 0}, a_run(), a_run(gap=(3.0, 6.0))),
        ("address_moves_at_most", {"count": 1}, a_run(moves=1), a_run(moves=2)),
        ("no_lost_acks", None, a_run(), a_run(ruling="invalid")),
        ("no_lost_acks", None, a_run(), a_run(ruling="unknown")),
    ],
)
def test_each_check_of_a_run_catches_a_bad_one(word, argument, good, bad):
    assert judged(good, word, argument).ok
    assert not judged(bad, word, argument).ok


def test_a_client_without_patience_is_no_failed_request():
    assert judged(a_run(fails=(7, 8), detail="ReadTimeoutError"), "no_failed_requests", {"lane": "catalog"}).ok


def test_a_check_gives_a_prediction_its_measured_value():
    found = judged(a_run(gap=(3.0, 6.0)), "downtime_below", {"lane": "catalog", "seconds": 1, "key": "gap"})
    assert found.measured["gap"] == pytest.approx(3.1, abs=0.2)


def test_a_wait_that_is_no_gap_yet_is_measured_as_it_was():
    found = judged(a_run(gap=(4.0, 4.5)), "downtime_below", {"lane": "catalog", "seconds": 1, "key": "gap"})
    assert found.ok
    assert "answered all the time" in found.says
    assert found.measured["gap"] == pytest.approx(0.6, abs=0.05)


def test_of_several_rounds_the_worst_counts():
    rounds = [[Finding(True, "well", {"gap": 0.2})], [Finding(False, "bad", {"gap": 3.0})], [Finding(True, "well")]]
    assert worst(rounds) == [Finding(False, "bad", {"gap": 3.0})]


def test_strikes_come_by_time_each_part_on_its_own():
    raw = [
        {"at": 5, "kind": "pause", "parts": ["lb:active"], "for": 2},
        {"at": 2, "kind": "kill", "parts": ["a", "b"], "for": 6},
    ]
    assert strikes_of(raw) == [
        Strike(2.0, "kill", "a", 6.0),
        Strike(2.0, "kill", "b", 6.0),
        Strike(5.0, "pause", "lb:active", 2.0),
    ]


@pytest.mark.parametrize(("slow", "allowed"), [("1", 1.5), ("2", 3.0), ("4", 3.0)])
def test_a_slow_machine_may_take_twice_as_long_and_no_more(monkeypatch, slow, allowed):
    monkeypatch.setenv("QUORATE_SLOW", slow)
    assert lenient({"lane": "catalog", "seconds": 1.5})["seconds"] == allowed
    assert lenient(None) is None


def test_words_that_do_not_exist_are_named():
    with pytest.raises(LabError, match="no_such"):
        judged(a_run(), "no_such", {})


FIB = """Main:
  +-- 10.1.2.0/24 2 0 2
     |-- 10.1.2.0
        /24 link UNICAST
     |-- 10.1.2.10
        /32 host LOCAL
     |-- 10.1.2.11
        /32 link UNICAST
"""


def test_an_address_is_owned_only_if_it_is_local():
    assert has_address(FIB, "10.1.2.10")
    assert not has_address(FIB, "10.1.2.11")
    assert not has_address(FIB, "10.1.2.1")


# ---- the record ------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("each", "landed", "ok"),
    [
        (False, ["compute1", "compute1"], True),
        (False, ["compute1", "compute2"], True),
        (False, ["compute1", "compute3"], False),
        (False, ["compute1", "no host (No valid host was found.)"], False),
        (True, ["compute1", "compute1"], False),
        (True, ["compute2", "compute1"], True),
    ],
)
def test_servers_land_where_they_should_and_nowhere_else(each, landed, ok):
    wanted = {"flavor": "m1.fast", "hosts": ["compute1", "compute2"], "each": each}
    found = as_they_should(wanted, landed)
    assert found.ok is ok
    assert ok or "is right" in found.says

"""What the checks of exercises make of a run, of the lab, and of where servers went."""

import pytest

from lab.chaos.schedule import Strike
from lab.errors import LabError
from lab.exercises.checks import has_address
from lab.exercises.findings import Finding, worst
from lab.exercises.landing import as_they_should
from lab.exercises.trial import judged, lanes_of, lenient, strikes_of, unrest_before
from lab.registers import Outcome
from lab.watch.run import Event, Judgement, Operation, Run, Tone, summaries


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
        ("errors_end_within", {"lane": "catalog", "seconds": 2}, a_run(fails=(7, 20)), a_run(fails=(7, 60))),
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


def test_a_client_without_patience_had_no_answer_either_and_is_counted():
    argument = {"lane": "catalog", "seconds": 2, "key": "failed"}
    found = judged(a_run(fails=(7, 60), detail="ReadTimeoutError"), "errors_end_within", argument)
    assert not found.ok
    assert found.measured == {"failed": 2}
    assert "2 of 100 requests failed, the last one 5.3 s after the first; 2 s are allowed" in found.says


def test_a_check_gives_a_prediction_its_measured_value():
    found = judged(a_run(gap=(3.0, 6.0)), "downtime_below", {"lane": "catalog", "seconds": 1, "key": "gap"})
    assert found.measured["gap"] == pytest.approx(3.1, abs=0.2)


def test_a_wait_that_is_no_gap_yet_is_measured_as_it_was():
    found = judged(a_run(gap=(4.0, 4.5)), "downtime_below", {"lane": "catalog", "seconds": 1, "key": "gap"})
    assert found.ok
    assert "answered all the time" in found.says
    assert found.measured["gap"] == pytest.approx(0.6, abs=0.05)


def test_a_function_without_answers_before_the_first_strike_speaks_of_a_busy_machine():
    strikes = [Strike(2.0, "kill", "lb1", 5.0), Strike(3.0, "kill", "lb2", 5.0)]
    assert unrest_before(a_run(fails=(21, 22)), strikes) == ""
    said = unrest_before(a_run(fails=(7, 8)), strikes)
    assert said == "Before anything was broken, catalog had no answer in time 2 times out of 20."
    assert unrest_before(a_run(fails=(7, 8)), []) == ""


def test_a_trial_asks_what_it_judges():
    assert lanes_of([{"downtime_below": {"lane": "catalog", "seconds": 1}}]) == {"catalog"}
    assert lanes_of([{"address_moves_at_most": {"count": 1}}]) == set()
    assert lanes_of([{"no_failed_requests": {"lane": "servers"}}, {"no_lost_acks": None}]) > {"servers", "db write"}


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

"""The conductor's plan, the agent's judgement and the rule of zones."""

import itertools

import pytest

from services.compute.agent.journal import Entry, Verdict, judge
from services.compute.conductor.plan import (
    IMAGE_PATIENCE,
    AskScheduler,
    FinishDelete,
    GiveUp,
    GiveUpImage,
    TellAgent,
    TryElsewhere,
    Wait,
    next_step,
)
from services.compute.states import IMAGE_STEPS, ORDERS, Task
from services.compute.zones import Membership, zone_conflict


@pytest.mark.parametrize("task", list(ORDERS))
def test_a_living_host_is_told(task: Task) -> None:
    assert next_step(task, "h", [], host_up=True, build_attempts=3) == TellAgent("h", ORDERS[task])


def test_a_build_on_a_dead_host_goes_elsewhere_until_attempts_end() -> None:
    assert next_step(Task.SPAWNING, "h", [], host_up=False, build_attempts=3) == TryElsewhere("h")
    assert next_step(Task.SPAWNING, "h", ["a"], host_up=False, build_attempts=3) == TryElsewhere("h")
    last = next_step(Task.SPAWNING, "h", ["a", "b"], host_up=False, build_attempts=3)
    assert isinstance(last, GiveUp)
    assert "h" in last.reason


def test_a_delete_needs_no_host_that_is_gone() -> None:
    assert next_step(Task.DELETING, None, [], host_up=False, build_attempts=3) == FinishDelete()
    assert next_step(Task.DELETING, "h", [], host_up=False, build_attempts=3) == FinishDelete()


@pytest.mark.parametrize("task", [Task.POWERING_OFF, Task.POWERING_ON, Task.REBOOTING, Task.REBOOTING_HARD])
def test_a_guest_of_an_absent_host_waits_for_it(task: Task) -> None:
    assert next_step(task, "h", [], host_up=False, build_attempts=3) == Wait()


@pytest.mark.parametrize("task", list(IMAGE_STEPS))
def test_an_image_waits_for_its_host_for_a_while(task: Task) -> None:
    step = next_step(task, "h", [], host_up=False, build_attempts=3, waited=IMAGE_PATIENCE)
    assert step == Wait()
    step = next_step(task, "h", [], host_up=False, build_attempts=3, waited=IMAGE_PATIENCE * 2)
    assert isinstance(step, GiveUpImage)
    step = next_step(task, "h", [], host_up=True, build_attempts=3, waited=IMAGE_PATIENCE * 2)
    assert step == TellAgent("h", ORDERS[task]), "a large image may take its time"


def test_every_task_has_a_next_step_whatever_the_circumstances() -> None:
    for task, host, tried, up in itertools.product(Task, [None, "h"], [[], ["a", "b"]], [True, False]):
        step = next_step(task, host, tried, host_up=up, build_attempts=3)
        assert (task is Task.SCHEDULING) == isinstance(step, AskScheduler)


def entry(op: int, order: str) -> Entry:
    return Entry(op=op, order=order, power="running")


@pytest.mark.parametrize(
    ("known", "op", "order", "verdict"),
    [
        (None, 1, "spawn", Verdict.DO),
        (entry(1, "spawn"), 1, "spawn", Verdict.REPORT_AGAIN),
        (entry(1, "spawn"), 2, "reboot", Verdict.DO),
        (entry(3, "destroy"), 1, "spawn", Verdict.IGNORE),
        (entry(3, "destroy"), 3, "spawn", Verdict.IGNORE),
    ],
)
def test_orders_are_carried_out_once_and_in_order(known: Entry | None, op: int, order: str, verdict: Verdict) -> None:
    assert judge(known, op, order) is verdict


def test_a_host_is_in_many_aggregates_but_in_one_zone() -> None:
    east = Membership(1, "agg-east", "east")
    plain = Membership(2, "agg-ssd", None)
    members = {"h1": [east, plain], "h2": [plain]}
    assert zone_conflict(["h1"], 3, "east", members) is None
    assert zone_conflict(["h1", "h2"], 3, None, members) is None
    assert zone_conflict(["h1"], 1, "west", members) is None, "the aggregate itself may change its zone"
    problem = zone_conflict(["h2", "h1"], 3, "west", members)
    assert problem is not None
    assert all(word in problem for word in ("h1", "east", "west", "agg-east"))

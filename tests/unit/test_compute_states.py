"""The life of an instance: every task ends, nothing begins where it may not."""

import itertools

import pytest

from services.compute.states import (
    ACTIONS,
    IMAGE_STEPS,
    ORDERS,
    OUTCOMES,
    IllegalTransition,
    Task,
    VmState,
    api_status,
    begin,
    finish,
    vm_states_of_status,
)


@pytest.mark.parametrize(("action", "state", "task"), list(itertools.product(ACTIONS, VmState, [None, *Task])))
def test_an_action_begins_exactly_where_its_row_allows_it(action: str, state: VmState, task: Task | None) -> None:
    allowed = task is None and state in ACTIONS[action].allowed
    if allowed:
        assert begin(action, state, task) is ACTIONS[action].task
    else:
        with pytest.raises(IllegalTransition):
            begin(action, state, task)


def test_every_task_has_an_order_or_is_not_the_agents() -> None:
    assert set(ORDERS) == set(Task) - {Task.SCHEDULING, Task.BLOCK_DEVICE_MAPPING}


def test_every_task_that_an_agent_does_can_succeed_and_all_but_delete_can_fail() -> None:
    for task in set(ORDERS) - set(IMAGE_STEPS):
        assert (task, True) in OUTCOMES
        assert ((task, False) in OUTCOMES) == (task is not Task.DELETING)


def test_a_delete_cannot_fail() -> None:
    with pytest.raises(IllegalTransition):
        finish(Task.DELETING, VmState.ACTIVE, succeeded=False)


@pytest.mark.parametrize("task", list(IMAGE_STEPS))
def test_a_server_stays_what_it_is_whatever_becomes_of_its_image(task: Task) -> None:
    for state, succeeded in itertools.product(ACTIONS["createImage"].allowed, (True, False)):
        assert finish(task, state, succeeded=succeeded) is state


def test_the_steps_of_an_image_end() -> None:
    task, steps = ACTIONS["createImage"].task, 0
    following: Task | None = task
    while following is not None:
        following, steps = IMAGE_STEPS[following], steps + 1
    assert steps == len(IMAGE_STEPS)


def test_nothing_can_be_asked_of_a_deleted_instance() -> None:
    for action in ACTIONS:
        with pytest.raises(IllegalTransition):
            begin(action, VmState.DELETED, None)


@pytest.mark.parametrize(("state", "task"), list(itertools.product(VmState, [None, *Task])))
def test_a_status_that_is_shown_can_be_searched_for(state: VmState, task: Task | None) -> None:
    found = vm_states_of_status(api_status(state, task))
    assert found is not None
    assert (state, task) in found or (state, None) in found


def test_an_unknown_status_is_known_as_such() -> None:
    assert vm_states_of_status("NONSENSE") is None

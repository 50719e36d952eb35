"""What decides about volumes at servers: the table of states, the agent's judgement, the names of disks, the seal."""

from __future__ import annotations

import itertools

import pytest

from services.compute.agent.journal import Entry, Verdict, judge_volume
from services.compute.attachment_states import (
    LEAVING,
    OUTCOMES,
    RESTING,
    AttachmentStatus,
    IllegalTransition,
    after,
)
from services.compute.device_names import MOST, InvalidName, NoNameLeft, is_free, next_free, normal
from services.compute.sealed import Seal
from services.compute.states import VOLUME_ACTIONS, Task, VmState, allow
from services.compute.states import IllegalTransition as NotNow

S = AttachmentStatus


def test_every_step_that_succeeds_leads_to_rest() -> None:
    for start in set(S) - RESTING:
        status, steps = start, 0
        while status not in RESTING:
            status, steps = after(status, succeeded=True), steps + 1
            assert steps < len(S)
        assert (status is S.ATTACHED) == (start not in LEAVING)


def test_no_failure_leads_to_an_attachment() -> None:
    for status in set(S) - RESTING:
        if (status, False) in OUTCOMES:
            assert after(status, succeeded=False) in LEAVING
        else:
            with pytest.raises(IllegalTransition):
                after(status, succeeded=False)


def test_a_volume_goes_only_when_it_is_released_and_only_if_it_is_to_go() -> None:
    for status, succeeded in OUTCOMES:
        assert (after(status, succeeded=succeeded, delete_volume=True) is S.DELETING) == (status is S.RELEASING)
    assert after(S.RELEASING, succeeded=True) is S.DETACHED


@pytest.mark.parametrize("status", sorted(RESTING))
def test_at_rest_there_is_nothing_to_end(status: AttachmentStatus) -> None:
    with pytest.raises(IllegalTransition):
        after(status, succeeded=True)


def known(op: int, order: str) -> Entry:
    return Entry(op=1, order="spawn", power="running", volumes={"v": {"op": op, "order": order}})


@pytest.mark.parametrize(
    ("entry", "op", "order", "verdict"),
    [
        (None, 1, "attach_volume", Verdict.DO),
        (known(1, "attach_volume"), 1, "attach_volume", Verdict.REPORT_AGAIN),
        (known(1, "attach_volume"), 2, "detach_volume", Verdict.DO),
        (known(2, "detach_volume"), 1, "attach_volume", Verdict.IGNORE),
        (known(2, "detach_volume"), 2, "attach_volume", Verdict.IGNORE),
        (known(2, "detach_volume"), 3, "attach_volume", Verdict.DO),
    ],
)
def test_orders_about_a_volume_are_carried_out_once_and_in_order(
    entry: Entry | None, op: int, order: str, verdict: Verdict
) -> None:
    assert judge_volume(entry, "v", op, order) is verdict
    assert judge_volume(entry, "another", op, order) is Verdict.DO


def test_volumes_come_and_go_while_a_server_rests() -> None:
    for action, state, task in itertools.product(VOLUME_ACTIONS, VmState, [None, *Task]):
        if task is None and state in VOLUME_ACTIONS[action]:
            allow(action, state, task)
        else:
            with pytest.raises(NotNow):
                allow(action, state, task)


def test_disks_are_named_in_turn() -> None:
    assert next_free([]) == "/dev/vdb", "the first is the root disk's"
    assert next_free(["/dev/vdb", "/dev/vdc"]) == "/dev/vdd"
    assert next_free(["/dev/vdc"]) == "/dev/vdb"
    assert not is_free("/dev/sdb", ["/dev/vdb"]), "the letter tells"
    assert is_free("/dev/vdz", ["/dev/vdb"])
    assert normal("vdb") == "/dev/vdb"
    for name in ("", "/dev/", "disk", "/dev/vd1", "/dev/vdB", "../vdb"):
        with pytest.raises(InvalidName):
            normal(name)
    names: list[str] = []
    for _ in range(MOST - 1):
        names.append(next_free(names))
    assert len(set(names)) == MOST - 1
    with pytest.raises(NoNameLeft):
        next_free(names)


def test_a_sealed_token_is_readable_with_the_same_password_only() -> None:
    sealed = Seal("one").close("gAAAAtoken")
    assert "gAAAAtoken" not in sealed
    assert Seal("one").open(sealed) == "gAAAAtoken"
    assert Seal("another").open(sealed) is None
    assert Seal("one").open("") is None

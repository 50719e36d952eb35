"""Whom a person promotes, in which steps, and what that loses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.errors import BadNameError, LabError
from lab.replication import gtid, plan
from lab.replication.binlog import transactions
from lab.replication.gtid import Stretch
from lab.replication.members import Member, only_there, sentence
from lab.replication.plan import Verb

PRIMARY = Member("db1", "10.1.0.21", True, True, "0-1-100", "0-1-100")
NAMES = {"10.1.0.21": "db1", "10.1.0.22": "db2", "10.1.0.23": "db3"}


def replica(name: str, position: int = 100, received: int | None = None, **changes: object) -> Member:
    suffix = 20 + int(name[2:])
    at = f"0-1-{position}"
    told = f"0-1-{position if received is None else received}"
    made = Member(name, f"10.1.0.{suffix}", True, False, at, at, "10.1.0.21", told, True, True)
    return replace(made, **changes)  # type: ignore[arg-type]


GONE = Member("db1", "10.1.0.21")


def test_a_switchover_closes_waits_and_only_then_promotes() -> None:
    steps = plan.switchover([PRIMARY, replica("db2"), replica("db3", 101)])
    assert [(step.verb, step.node) for step in steps] == [
        (Verb.CLOSE, "db1"), (Verb.AWAIT, "db3"), (Verb.PROMOTE, "db3")
    ]  # fmt: skip
    assert plan.switchover([PRIMARY, replica("db2"), replica("db3")], "db3")[-1].node == "db3"
    assert steps[1].sentence == "db3 has everything that db1 has"


def test_a_switchover_is_to_somebody_who_can() -> None:
    cut = replica("db2", receives=False)
    with pytest.raises(LabError, match="does not follow db1"):
        plan.switchover([PRIMARY, cut, replica("db3")], "db2")
    with pytest.raises(LabError, match="already"):
        plan.switchover([PRIMARY, cut], "db1")
    with pytest.raises(BadNameError, match="db9"):
        plan.switchover([PRIMARY, replica("db2")], "db9")
    with pytest.raises(LabError, match="failover"):
        plan.switchover([GONE, cut, replica("db3", receives=False)])


def test_a_failover_fences_drains_and_promotes_the_one_that_received_most() -> None:
    applied = replica("db2", 99, 99, receives=False)
    received = replica("db3", 90, 104, receives=False)
    members = [GONE, applied, received]
    assert plan.former_primary(members) == "db1"
    steps = plan.failover(members, former="db1")
    assert [(step.verb, step.node) for step in steps] == [
        (Verb.FENCE, "db1"), (Verb.SEVER, "db3"), (Verb.DRAIN, "db3"), (Verb.PROMOTE, "db3")
    ]  # fmt: skip


def test_a_failover_refuses_while_the_primary_lives() -> None:
    members = [PRIMARY, replica("db2"), replica("db3")]
    with pytest.raises(LabError, match="switchover"):
        plan.failover(members, former="db1")
    assert plan.failover(members, former="db1", force=True)[0] == plan.Step(Verb.FENCE, "db1")


def test_a_failover_never_promotes_another_history() -> None:
    diverged = replica("db2", 200, receives=False, refusal=1236)
    assert plan.failover([GONE, diverged, replica("db3", 90)], former="db1")[-1].node == "db3"
    with pytest.raises(LabError, match="cannot be promoted"):
        plan.failover([GONE, diverged, replica("db3", 90)], "db2", "db1")
    with pytest.raises(LabError, match="No replica"):
        plan.failover([GONE, diverged], former="db1")


def test_a_person_may_choose_the_old_primary_again() -> None:
    """It was restarted and waits for a node that is gone for good."""
    waiting = Member("db1", "10.1.0.21", True, False, "0-1-100", "0-1-100")
    members = [waiting, replica("db2", receives=False), Member("db3", "10.1.0.23")]
    assert plan.failover(members, "db1", "db1") == [plan.Step(Verb.PROMOTE, "db1")]


@pytest.mark.parametrize(
    ("mine", "theirs", "found"),
    [
        ("0-1-100", "0-1-100", []),
        ("0-1-100", "0-1-100,0-2-140", []),
        ("0-1-105", "0-1-100,0-2-140", [Stretch(0, 1, 100, 105)]),
        ("0-1-100,0-2-105", "0-1-100,0-3-103", [Stretch(0, 2, 100, 105)]),
        ("0-1-100,0-2-105", "0-1-100,0-2-105,0-3-130", []),
        ("", "0-1-5", []),
        ("0-1-5", "", [Stretch(0, 1, 0, 5)]),
    ],
)
def test_what_only_one_log_has(mine: str, theirs: str, found: list[Stretch]) -> None:
    assert gtid.only_in(gtid.parse(mine), gtid.parse(theirs)) == found


def test_a_position_that_is_none_is_said() -> None:
    with pytest.raises(LabError, match="no position"):
        gtid.parse("mysql-bin.000001:4")


def test_nodes_are_described_as_they_are() -> None:
    new = replace(PRIMARY, name="db2", address="10.1.0.22", state="0-1-100,0-2-140", position="0-2-140")
    old = replica("db1", 105, source="10.1.0.22", receives=False, refusal=1236)
    assert only_there(old, new) == [Stretch(0, 1, 100, 105)]
    assert "diverged from db2: it alone has 0-1-101 to 105" in sentence(old, new, NAMES)
    assert sentence(replica("db3", 98), PRIMARY, NAMES) == "replica of db1, 2 transactions behind"
    assert sentence(replica("db3"), PRIMARY, NAMES) == "replica of db1, in step"
    assert sentence(GONE, None, NAMES) == "does not answer"
    assert "follows nobody" in sentence(Member("db1", "", True), None, NAMES)


def test_lost_transactions_are_named_by_their_tables() -> None:
    events = [
        ("Format_desc", "Server ver: 11.8.9-MariaDB"),
        ("Gtid", "BEGIN GTID 0-1-100"),
        ("Table_map", "table_id: 30 (compute.services)"),
        ("Gtid", "BEGIN GTID 0-1-101"),
        ("Table_map", "table_id: 31 (image.images)"),
        ("Write_rows_v1", "table_id: 31 flags: STMT_END_F"),
        ("Table_map", "table_id: 31 (image.images)"),
        ("Gtid", "BEGIN GTID 0-2-101"),
        ("Table_map", "table_id: 32 (volume.volumes)"),
    ]
    found = transactions(events, [Stretch(0, 1, 100, 105)])
    assert [str(one) for one in found] == ["0-1-101  image.images"]

"""A database node of a primary and its replicas: whom it follows, and when it may write."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "db"))
sys.path.insert(0, str(Path(__file__).parents[2] / "lb"))

from balancer.writer import choose_writer, parse_report
from galera.records import parse_line
from replication.decide import Action, Choice, decide, should_listen
from replication.records import (
    BROKEN,
    CUT,
    DIVERGED,
    FRESH,
    REPLICA,
    STARTING,
    UP,
    WAITING,
    Member,
    ServerState,
    described,
    member,
    server_state,
    unused_number,
)
from replication.session import columns
from replication.statements import follow, lead

ADDRESSES = {1: "10.1.0.21", 2: "10.1.0.22", 3: "10.1.0.23"}


def node(ordinal: int, phase: str, seqno: int = 100, follows: int = 0) -> Member:
    return Member(ordinal, phase, f"0-1-{seqno}", seqno, f"0-1-{seqno}", follows)


def choice(me: Member, *peers: Member | None, deposed: bool = False) -> Choice:
    names = [ordinal for ordinal in ADDRESSES if ordinal != me.ordinal]
    return decide(me, dict(zip(names, peers, strict=True)), deposed=deposed)


def test_the_first_of_new_nodes_begins_and_the_others_follow() -> None:
    fresh = [node(ordinal, FRESH, 0) for ordinal in (1, 2, 3)]
    assert choice(fresh[0], fresh[1], fresh[2]).action is Action.LEAD
    assert choice(fresh[1], fresh[0], fresh[2]).action is Action.WAIT
    assert choice(fresh[1], node(1, UP), fresh[2]) == Choice(Action.FOLLOW, "node 1 is the primary", 1)
    assert choice(fresh[0], fresh[1], None).action is Action.WAIT
    assert choice(fresh[0], fresh[1], node(3, STARTING)).action is Action.WAIT


def test_a_new_node_never_leads_nodes_that_have_data() -> None:
    assert choice(node(1, FRESH, 0), node(2, WAITING), node(3, CUT, follows=2)).action is Action.WAIT


def test_a_restarted_primary_takes_up_again_what_it_was_when_all_others_say_so() -> None:
    mine = node(1, WAITING)
    assert choice(mine, node(2, CUT, follows=1), node(3, CUT, 98, follows=1)).action is Action.LEAD
    assert choice(mine, None, node(3, CUT, follows=1)).action is Action.WAIT
    assert choice(mine, node(2, CUT, 101, follows=1), node(3, CUT, follows=1)).action is Action.WAIT
    assert choice(mine, node(2, WAITING), node(3, CUT, follows=1)).action is Action.WAIT
    assert choice(mine, node(2, CUT, follows=3), node(3, CUT, follows=1)).action is Action.WAIT


def test_one_that_was_told_to_take_no_more_writes_does_not_contradict() -> None:
    followers = node(2, REPLICA, follows=1), node(3, REPLICA, follows=1)
    assert choice(node(1, WAITING), *followers).action is Action.LEAD
    assert choice(node(1, WAITING), *followers, deposed=True).action is Action.WAIT
    assert choice(node(1, WAITING), node(2, UP), followers[1], deposed=True).action is Action.FOLLOW


def test_a_returning_primary_follows_the_one_that_was_promoted() -> None:
    assert choice(node(1, WAITING, 105), node(2, UP, 100), node(3, REPLICA, follows=2)).whom == 2


def test_a_replica_does_not_knock_at_a_dead_door() -> None:
    cut = node(2, CUT, follows=1)
    assert should_listen(cut, {1: node(1, UP), 3: None}) is True
    assert should_listen(cut, {1: None, 3: None}) is False
    assert should_listen(cut, {1: node(1, WAITING), 3: None}) is False
    assert should_listen(node(2, REPLICA, follows=1), {1: node(1, UP), 3: None}) is None


def test_two_primaries_are_nobodys_choice() -> None:
    assert choice(node(3, REPLICA, follows=1), node(1, UP), node(2, UP)).action is Action.WAIT


def test_a_node_leads_only_where_no_other_could() -> None:
    """The invariant, over all that three nodes may say: never two that would lead, never one beside a primary."""
    kinds = [
        (UP, 0),
        (WAITING, 0),
        (FRESH, 0),
        (REPLICA, 1),
        (CUT, 1),
        (CUT, 2),
        (CUT, 3),
        (DIVERGED, 2),
        (STARTING, 0),
    ]
    for combination in itertools.product(kinds, repeat=3):
        for seqnos in itertools.product((0, 7), repeat=3):
            members = [
                node(n, kind, seq, to) for n, (kind, to), seq in zip(ADDRESSES, combination, seqnos, strict=True)
            ]
            if any(each.follows == each.ordinal for each in members):
                continue
            chosen = [choice(each, *(other for other in members if other is not each)).action for each in members]
            assert chosen.count(Action.LEAD) + sum(each.phase == UP for each in members) <= max(
                1, sum(each.phase == UP for each in members)
            )
            for each in members:  # a silent node keeps everybody from leading
                peers = [other for other in members if other is not each]
                assert choice(each, None, peers[1]).action is not Action.LEAD


def test_the_line_reads_back_and_load_balancers_understand_it() -> None:
    primary = Member(2, UP, "0-2-9", 9, "0-1-4,0-2-9")
    replica = Member(3, REPLICA, "0-2-9", 9, "0-1-4,0-2-9", 2)
    for each in (primary, replica, Member(1)):
        parsed = parse_line(each.line())
        assert parsed is not None
        assert member(parsed) == each
    reports = {f"db{each.ordinal}": parse_report(each.line()) for each in (primary, replica)}
    assert choose_writer("db1", reports, ordinal=1, silent_for=0.1) == "db2"


@pytest.mark.parametrize(
    ("seen", "phase"),
    [
        (ServerState(False, "0-1-3", "0-1-3"), UP),
        (ServerState(True, "-", "-"), FRESH),
        (ServerState(True, "0-1-3", "0-1-3", "10.1.0.22", True, True), REPLICA),
        (ServerState(True, "0-1-3", "0-1-3", "10.1.0.22", False, True), CUT),
        (ServerState(True, "0-1-3", "0-1-3", "10.1.0.22", False, True, 1236), DIVERGED),
        (ServerState(True, "0-1-3", "0-1-3", "10.1.0.22", True, False, 0, 1146), BROKEN),
    ],
)
def test_the_server_says_what_the_node_is(seen: ServerState, phase: str) -> None:
    assert described(1, True, ADDRESSES, seen).phase == phase


def test_one_with_data_that_follows_nobody_was_the_primary() -> None:
    assert described(1, False, ADDRESSES, ServerState(True, "0-1-3", "0-1-3")).phase == WAITING


def test_an_answer_of_the_server_is_read() -> None:
    text = (
        "*** 1. row ***\nread_only: 1\n position: 0-1-12\n   state: 0-1-12\n*** 1. row ***\n"
        "  Master_Host: 10.1.0.22\n Slave_IO_Running: Connecting\n Slave_SQL_Running: Yes\n"
        " Last_IO_Errno: 2003\nLast_SQL_Errno: 0\n"
    )
    assert server_state(columns(text)) == ServerState(True, "0-1-12", "0-1-12", "10.1.0.22", False, True, 2003, 0)


def test_a_node_without_its_data_is_another_server() -> None:
    assert unused_number(1, "-") == 1
    assert unused_number(3, "0-1-635,0-2-700") == 3
    assert unused_number(1, "0-1-635,0-2-700") == 11
    assert unused_number(1, "0-1-635,0-11-700") == 21


def test_what_a_commit_waits_for_is_in_force_before_the_first_write() -> None:
    assert lead(semisync=True)[-1] == "set global read_only = OFF"
    assert lead(semisync=False) == ["set global read_only = OFF"]
    assert follow("10.1.0.22", "pass'word", semisync=True)[0] == "set global read_only = ON"
    assert any("pass''word" in statement for statement in follow("10.1.0.22", "pass'word", semisync=False))

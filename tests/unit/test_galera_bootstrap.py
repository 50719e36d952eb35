"""Which Galera node starts the cluster: every rule, and the invariant over all small situations."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "db"))

from galera import bootstrap, records
from galera.bootstrap import PATIENCE, Action
from galera.records import (
    FRESH,
    JOINING,
    LOST,
    NO_VIEW,
    RECOVERING,
    STARTING,
    UNDEFINED,
    UP,
    WAITING,
    Node,
    is_outcast,
)
from galera.watchfulness import CONVALESCENCE, SLEPT, Watchfulness

HISTORY = "6f1c0000-0000-11f0-8000-000000000001"
OTHER = "6f1c0000-0000-11f0-8000-000000000002"
VIEW = "00000001-0000-11f0-8000-000000000001:9/3"
PAIR = "00000001-0000-11f0-8000-000000000001:10/2"


def node(ordinal: int, seqno: int = 10, phase: str = WAITING, view: str = NO_VIEW, uuid: str = HISTORY) -> Node:
    return Node(ordinal, uuid, seqno, phase, 0, view)


def choose(me: Node, *others: Node | int, safe: bool = False, waited: float = 0.0) -> Action:
    """The action; an ordinal instead of a node stands for a silent peer."""
    peers = {
        each if isinstance(each, int) else each.ordinal: None if isinstance(each, int) else each for each in others
    }
    return bootstrap.decide(me, peers, safe=safe, waited=waited).action


@pytest.mark.parametrize("phase", [UP, records.DONOR])
def test_joins_whoever_is_in_step(phase: str) -> None:
    assert choose(node(1, 99, view=VIEW), node(2, 50, phase), 3) is Action.JOIN


def test_three_seeds_form_the_first_cluster_together() -> None:
    view = records.parse_gvwstate(records.first_view(1, {1: 0, 2: 0, 3: 0}))
    seeds = [node(ordinal, 1, FRESH, view) for ordinal in (1, 2, 3)]
    assert choose(*seeds) is Action.RESUME
    assert choose(seeds[0], seeds[1], 3) is Action.WAIT
    started = seeds[1]._replace(phase=STARTING)
    assert choose(seeds[0], started, seeds[2]) is Action.RESUME


def test_all_killed_at_once_continue_their_view() -> None:
    assert choose(node(1, 7, view=VIEW), node(2, 9, view=VIEW), node(3, 8, STARTING, VIEW)) is Action.RESUME


def test_one_that_stayed_alone_counts_for_the_view() -> None:
    assert choose(node(1, 7, view=VIEW), node(2, 9, view=VIEW), node(3, 8, LOST, VIEW)) is Action.RESUME


def test_one_that_left_before_waits_for_the_others_to_continue() -> None:
    assert choose(node(3, 5), node(1, 9, view=PAIR), node(2, 9, view=PAIR)) is Action.WAIT
    assert choose(node(1, 9, view=PAIR), node(2, 9, view=PAIR), 3) is Action.RESUME


def test_highest_position_starts_after_a_clean_stop() -> None:
    one, two, three = node(1, 10), node(2, 12), node(3, 11)
    assert choose(one, two, three) is Action.WAIT
    assert choose(two, one, three) is Action.BOOTSTRAP
    assert choose(three, one, two) is Action.WAIT


def test_lowest_ordinal_starts_among_equals() -> None:
    assert choose(node(1), node(2), node(3)) is Action.BOOTSTRAP
    assert choose(node(2), node(1), node(3)) is Action.WAIT


def test_a_silent_peer_may_know_more() -> None:
    assert choose(node(1, 99), node(2, 98), 3, waited=10 * PATIENCE) is Action.WAIT


def test_the_last_one_standing_goes_on_alone_after_a_while() -> None:
    assert choose(node(1, 12), node(2, 10), 3, safe=True, waited=PATIENCE / 2) is Action.WAIT
    assert choose(node(1, 12), node(2, 10), 3, safe=True, waited=PATIENCE) is Action.BOOTSTRAP
    assert choose(node(1, 12), 2, 3, safe=True, waited=PATIENCE) is Action.BOOTSTRAP
    assert choose(node(1, 12), node(2, 13), 3, safe=True, waited=PATIENCE) is Action.WAIT


def test_a_wiped_node_never_outvotes_data() -> None:
    wiped = node(1, 1, FRESH, "seed:1/3", OTHER)
    assert choose(wiped, node(2, 30, view=VIEW), node(3, 31, view=VIEW)) is Action.WAIT
    assert choose(node(3, 31, view=VIEW), wiped, node(2, 30, view=VIEW)) is Action.BOOTSTRAP
    assert choose(wiped, 2, 3, waited=10 * PATIENCE) is Action.WAIT


def test_a_node_without_a_position_never_starts() -> None:
    broken = node(1, -1, uuid=UNDEFINED)
    assert choose(broken, broken._replace(ordinal=2), broken._replace(ordinal=3)) is Action.WAIT
    assert choose(node(2, 4), broken, node(3, 3)) is Action.BOOTSTRAP


def test_differing_histories_need_a_person() -> None:
    assert choose(node(1, 12), node(2, 10, uuid=OTHER), node(3, 11)) is Action.WAIT


def test_waits_for_a_peer_that_is_busy() -> None:
    assert choose(node(1, 12), node(2, -1, RECOVERING), node(3, 11)) is Action.WAIT
    assert choose(node(1, 12), node(2, 5, STARTING), node(3, 11)) is Action.WAIT
    assert choose(node(1, 12), node(2, 5, JOINING), node(3, 11)) is Action.WAIT


def test_at_most_one_node_starts_and_never_a_stale_one() -> None:
    """Every mix of positions and phases: the one that bootstraps is alone, and none knows more."""
    phases = [WAITING, FRESH, STARTING, LOST]
    for seqnos in itertools.product([-1, 3, 5], repeat=3):
        for chosen in itertools.product(phases, repeat=3):
            nodes = [
                node(index + 1, seqno, phase) for index, (seqno, phase) in enumerate(zip(seqnos, chosen, strict=True))
            ]
            deciding = [each for each in nodes if each.phase in records.DECIDING_PHASES]
            starters = [
                me for me in deciding if choose(me, *(each for each in nodes if each != me)) is Action.BOOTSTRAP
            ]
            assert len(starters) <= 1
            for starter in starters:
                assert len(deciding) == 3
                assert starter.seqno >= max(each.seqno for each in nodes if each.phase == starter.phase)
                if starter.phase == FRESH:
                    assert not [each for each in nodes if each.phase == WAITING and each.seqno >= 0]


def test_an_engine_is_hopeless_only_if_nobody_prepares_anything() -> None:
    me = node(1, phase=LOST, view=VIEW)
    assert bootstrap.hopeless(me, {2: node(2, phase=LOST), 3: node(3)})
    assert bootstrap.hopeless(me, {2: node(2, phase=STARTING, view=VIEW), 3: node(3, phase=STARTING, view=VIEW)})
    assert not bootstrap.hopeless(me, {2: node(2, phase=UP), 3: node(3)})
    assert not bootstrap.hopeless(me, {2: node(2, phase=records.DONOR), 3: node(3, phase=JOINING)})
    assert bootstrap.hopeless(node(1, phase=JOINING), {2: node(2, phase=JOINING), 3: node(3, phase=JOINING)})
    assert not bootstrap.hopeless(me, {2: None, 3: node(3)})
    assert not bootstrap.hopeless(me, {2: node(2, phase=RECOVERING), 3: node(3)})
    assert not bootstrap.hopeless(me, {2: node(2, view=VIEW), 3: node(3, view=VIEW)})


def test_files_and_lines_are_read_back() -> None:
    text = "# GALERA saved state\nversion: 2.1\nuuid:    " + HISTORY + "\nseqno:   -1\nsafe_to_bootstrap: 0\n"
    assert records.parse_grastate(text) == (HISTORY, -1, False)
    assert records.parse_grastate(records.mark_safe(text)).safe
    assert records.parse_grastate("") == (UNDEFINED, -1, False)
    assert records.parse_gvwstate(records.first_view(2, {1: 0, 2: 0, 3: 0})).endswith("/3")
    assert records.parse_gvwstate("my_uuid: x\n#vwbeg\n") == NO_VIEW
    assert records.parse_recovered(f"x WSREP: Recovered position: {HISTORY}:42\n") == (HISTORY, 42)
    me = Node(2, HISTORY, 7, UP, 3, VIEW)
    assert records.parse_line(me.line()) == me
    assert records.parse_line("nonsense") is None
    assert records.view_size(VIEW) == 3


@pytest.mark.parametrize(
    ("arguments", "admitted", "phase"),
    [
        ("", False, STARTING),
        ("--status Synced --primary yes --index 0", True, UP),
        ("--status Synced --primary yes --index 0", False, JOINING),
        ("--status Donor --primary yes", True, records.DONOR),
        ("--status Joiner --primary yes", False, JOINING),
        ("--status Synced --primary no", True, LOST),
        ("--status Disconnecting", True, records.STOPPING),
    ],
)
def test_notifications_become_phases(arguments: str, admitted: bool, phase: str) -> None:
    assert records.notified_phase(arguments, admitted=admitted) == phase


def test_a_node_that_slept_doubts_itself() -> None:
    watch = Watchfulness(0.0)
    watch.tick(0.1)
    assert not watch.doubtful(0.2)
    later = 0.1 + SLEPT + 5
    assert watch.doubtful(later)
    watch.tick(later)
    assert watch.doubtful(later + CONVALESCENCE / 2)
    watch.tick(later + 0.5)
    watch.tick(later + 1.0)
    assert not watch.doubtful(later + CONVALESCENCE + 0.1)


@pytest.mark.parametrize(
    ("said", "outcast"),
    [
        ("--status initialized --uuid u --primary yes --index -1 --members m/db1/10.0.0.1:3306", True),
        ("--status initialized --uuid u --primary yes --index -1 --members ", False),
        ("--status disconnected --uuid u --primary no --index -1", True),
        ("--status connected --uuid u --primary no --index 0 --members m/db1/10.0.0.1:3306", False),
        ("--status disconnecting --uuid u --primary no --index 0", False),
        ("--status initialized --uuid u --primary no --index 0 --members m/db1/10.0.0.1:3306", False),
        ("--status joiner --uuid u --primary yes --index 1 --members m/db1/10.0.0.1:3306", False),
        ("--status synced --uuid u --primary yes --index 1 --members m/db1/10.0.0.1:3306", False),
        ("", False),
    ],
)
def test_an_engine_that_left_its_component_is_told_from_one_that_joins(said, outcast):
    assert is_outcast(said) is outcast

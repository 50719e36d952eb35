"""The cluster over two regions: who outweighs whom, views with an arbitrator in them, donors, options."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "db"))

from galera import arbitrator, bootstrap, engine, provider, records, settings
from galera.bootstrap import Action
from galera.records import FRESH, LOST, NO_VIEW, RECOVERING, STARTING, UP, WAITING, Node, Saved

HISTORY = "6f1c0000-0000-11f0-8000-000000000001"
SEGMENTS = {1: 1, 2: 1, 3: 2, 4: 2}
EVERYBODY = "00000001-0000-11f0-8000-000000000001:9/4+1"
SECOND_REGION = "00000003-0000-11f0-8000-000000000003:12/2+1"
NOBODY_ELSE = "00000001-0000-11f0-8000-000000000001:9/4"

ONE, TWO, ARBITRATOR = frozenset({1, 2}), frozenset({3, 4}), frozenset({0})
WEIGHTS = {ordinal: int(provider.node_options(segment)["pc.weight"]) for ordinal, segment in SEGMENTS.items()} | {
    0: int(provider.arbitrator_options(3)["pc.weight"])
}


def goes_on(before: frozenset[int], after: frozenset[int]) -> bool:
    """Galera's rule: more than half of the weight of the last primary component."""
    return 2 * sum(WEIGHTS[each] for each in after) > sum(WEIGHTS[each] for each in before)


ALL = ONE | TWO | ARBITRATOR


@pytest.mark.parametrize("lost", [ONE, TWO, ARBITRATOR, *(frozenset({each}) for each in (1, 2, 3, 4))])
def test_one_site_or_one_node_may_be_lost(lost: frozenset[int]) -> None:
    assert goes_on(ALL, ALL - lost)


def test_a_region_and_then_the_third_site_may_be_lost() -> None:
    assert goes_on(ONE | ARBITRATOR, ONE)
    assert goes_on(TWO | ARBITRATOR, TWO)


def test_without_the_arbitrator_the_first_region_goes_on() -> None:
    assert goes_on(ONE | TWO, ONE)
    assert not goes_on(ONE | TWO, TWO)


def test_a_region_may_be_lost_while_a_node_of_the_first_is_away() -> None:
    for away in ONE:
        assert goes_on(ALL - {away}, ALL - {away} - TWO)
        assert goes_on(ALL - {away}, ALL - ONE)


def test_the_arbitrator_is_never_a_cluster_by_itself() -> None:
    for size in range(1, 5):
        for nodes in itertools.combinations(ONE | TWO, size):
            assert not goes_on(frozenset(nodes) | ARBITRATOR, ARBITRATOR)


def test_at_most_one_side_of_any_cut_goes_on() -> None:
    for size in range(6):
        for side in map(frozenset, itertools.combinations(ALL, size)):
            assert not (goes_on(ALL, side) and goes_on(ALL, ALL - side))


def node(ordinal: int, seqno: int = 10, phase: str = WAITING, view: str = EVERYBODY) -> Node:
    return Node(ordinal, HISTORY, seqno, phase, 0, view)


def choose(me: Node, *others: Node | int, safe: bool = False) -> Action:
    peers = {
        each if isinstance(each, int) else each.ordinal: None if isinstance(each, int) else each for each in others
    }
    return bootstrap.decide(me, peers, safe=safe, waited=0.0).action


def test_a_view_with_the_arbitrator_starts_from_its_newest_node() -> None:
    nodes = [node(1, 7), node(2, 9), node(3, 9), node(4, 8)]
    starters = [me.ordinal for me in nodes if choose(me, *(each for each in nodes if each != me)) is Action.BOOTSTRAP]
    assert starters == [2]


def test_the_region_that_went_on_starts_without_the_other() -> None:
    three, four = node(3, 20, view=SECOND_REGION), node(4, 21, view=SECOND_REGION)
    assert choose(four, three, 1, 2) is Action.BOOTSTRAP
    assert choose(three, four, 1, 2) is Action.WAIT
    assert choose(four, three, node(1, 99), node(2, 99)) is Action.BOOTSTRAP
    assert choose(node(1, 99), node(2, 99), three, four) is Action.WAIT


def test_a_region_alone_never_starts_from_a_view_of_both() -> None:
    assert choose(node(1, 99), node(2, 98), 3, 4) is Action.WAIT
    assert choose(node(3, 99), node(4, 98), 1, 2) is Action.WAIT


def test_a_running_engine_must_stop_before_its_position_counts() -> None:
    running = node(3, 1, LOST)
    others = [node(1, 7), node(2, 9), node(4, 8)]
    assert choose(others[1], others[0], running, others[2]) is Action.WAIT
    assert bootstrap.hopeless(running, {each.ordinal: each for each in others})
    assert not bootstrap.hopeless(running, {1: None, 2: others[1], 4: others[2]})
    assert not bootstrap.hopeless(running, {1: node(1, 7, UP), 2: others[1], 4: others[2]})
    assert not bootstrap.hopeless(running, {1: node(1, 7, RECOVERING), 2: others[1], 4: others[2]})


def test_nodes_that_were_without_the_arbitrator_continue_together() -> None:
    nodes = [node(each, 5 + each, view=NOBODY_ELSE) for each in (1, 2, 3)]
    assert choose(nodes[0], nodes[1], nodes[2], node(4, 1, STARTING, NOBODY_ELSE)) is Action.RESUME


def test_four_seeds_form_the_first_cluster_and_a_wiped_node_does_not() -> None:
    text = records.first_view(2, SEGMENTS)
    view = records.parse_gvwstate(text, {1, 2})
    assert view.endswith("/4")
    assert "member: 00000003-0000-11f0-8000-000000000003 2\n" in text
    seeds = [Node(each, HISTORY, 1, FRESH, 0, view) for each in SEGMENTS]
    assert choose(*seeds) is Action.RESUME
    assert choose(seeds[0], node(2, 30), node(3, 31), node(4, 30)) is Action.WAIT
    assert choose(seeds[0], 2, 3, 4) is Action.WAIT


def test_the_arbitrator_is_told_from_nodes_by_its_segment() -> None:
    text = records.first_view(1, {**SEGMENTS, 9: 3})
    view = records.parse_gvwstate(text, set(SEGMENTS.values()))
    assert view.endswith("/4+1")
    assert records.view_size(view) == 4
    assert records.arbitrated(view)
    assert not records.arbitrated(NOBODY_ELSE)
    assert not records.arbitrated(NO_VIEW)


ENVIRONMENT = {
    "DB_ORDINAL": "3",
    "DB_SUBNETS": "10.0.0 10.0.1",
    "DB_CLUSTER": "x-shared",
    "DB_DATABASES": "identity",
    "DB_ROOT_PASSWORD": "x",
    "DB_MONITOR_PASSWORD": "x",
    "DB_IDENTITY_PASSWORD": "x",
}

WITHIN = {**ENVIRONMENT, "DB_SUBNETS": "", "DB_ADDRESSES": "10.0.0.21 10.0.0.22 10.0.0.23 10.0.0.24"}


def line(environment: dict[str, str]) -> str:
    return " ".join(engine.command(settings.read_settings(environment), Action.JOIN, Saved(HISTORY, 5, safe=False), []))


def test_only_a_cluster_over_regions_is_patient_and_readable_without_a_majority() -> None:
    far = line(ENVIRONMENT)
    assert "gmcast.segment=2" in far
    assert "--wsrep-dirty-reads=ON" in far
    near = line(WITHIN)
    assert "evs.suspect_timeout=PT0.5S" in near
    assert "dirty" not in near
    assert "pc.weight" not in near


def test_where_the_nodes_are() -> None:
    shared = settings.read_settings(ENVIRONMENT)
    assert shared.addresses == {1: "10.0.0.24", 2: "10.0.0.25", 3: "10.0.1.24", 4: "10.0.1.25"}
    assert shared.segments == SEGMENTS
    assert settings.read_settings(WITHIN).segments == dict.fromkeys((1, 2, 3, 4), 0)
    with pytest.raises(SystemExit, match="DB_ADDRESSES or DB_SUBNETS"):
        settings.read_settings({**ENVIRONMENT, "DB_SUBNETS": ""})
    third = arbitrator.read_settings(ENVIRONMENT)
    assert third.addresses == shared.addresses
    assert third.segment == 3
    assert "gcomm://10.0.0.24,10.0.0.25,10.0.1.24,10.0.1.25" in " ".join(arbitrator.command(third))


def test_state_comes_from_the_own_region_and_from_its_youngest() -> None:
    mine = settings.read_settings({**ENVIRONMENT, "DB_ORDINAL": "1"})
    peers = [node(2, phase=UP), node(3, phase=UP), node(4, phase=UP)]
    assert engine.donors(mine, peers) == ["db2", ""]
    assert engine.donors(mine, peers[1:]) == [""]
    assert engine.donors(mine, [node(2, phase=LOST), *peers[1:]]) == [""]
    within = settings.read_settings({**WITHIN, "DB_ORDINAL": "1"})
    assert engine.donors(within, [peers[0]._replace(since=9), peers[1], peers[2]]) == ["db2", "db3", "db4", ""]


def test_the_arbitrator_follows_its_log_and_is_given_up_outside_the_cluster() -> None:
    said = "INFO: New COMPONENT: primary = {}, bootstrap = no, my_idx = 4, memb_num = 5\n"
    membership = arbitrator.Membership(0.0)
    assert membership.phase == STARTING
    assert not membership.overdue(arbitrator.ADMISSION)
    assert membership.overdue(arbitrator.ADMISSION + 1)
    membership.hear(said.format("yes"), 3.0)
    membership.hear("INFO: something else\n", 4.0)
    assert (membership.phase, membership.size) == (UP, 5)
    assert not membership.overdue(1e9)
    membership.hear(said.format("no"), 100.0)
    membership.hear(said.format("no"), 110.0)
    assert membership.phase == LOST
    assert not membership.overdue(100.0 + arbitrator.PATIENCE)
    assert membership.overdue(100.5 + arbitrator.PATIENCE)

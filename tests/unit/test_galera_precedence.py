"""Who leaves the writing to whom when regions hear the third site, but not each other; and who hears whom."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from queue import Queue

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "db"))

from galera import earshot
from galera.precedence import (
    ARBITRATOR,
    AT_LEAST,
    PATIENCE,
    STANDS_BACK_AFTER,
    WELL,
    Precedence,
    in_step,
    standing_back,
)
from galera.provider import DISTANT
from galera.records import JOINING, LOST, UP, Node, joined

from tests.ports import free_port

SEGMENTS = {1: 1, 2: 1, 3: 2, 4: 2}
FLAP = 1.0


class Life:
    """A node's looks, one after the other."""

    def __init__(self, segment: int) -> None:
        self.precedence = Precedence(segment, SEGMENTS)
        self.now = 100.0

    def look(
        self, nodes: Iterable[int], arbitrator: Iterable[int] | None, seconds: float, back: Iterable[int] = ()
    ) -> set[int]:
        """For so long these nodes answer, and the arbitrator with those whom it hears in step, and standing back.

        Returns who is given up.
        """
        heard = {one: Node(one, phase=UP) for one in nodes}
        if arbitrator is not None:
            heard[ARBITRATOR] = Node(0, phase=UP, members=joined(set(arbitrator)), back=joined(set(back)))
        given_up: set[int] = set()
        end = self.now + seconds
        while self.now < end:
            self.now += earshot.LOOK
            given_up |= self.precedence.look(heard, self.now)
        return given_up


def cut_off(segment: int) -> Life:
    """A node when the way between the regions has been cut for a while."""
    life = Life(segment)
    mates = [one for one in SEGMENTS if SEGMENTS[one] == segment]
    life.look(SEGMENTS, SEGMENTS, 5)
    life.look(mates, SEGMENTS, 5)
    return life


def test_while_all_hear_each_other_nothing_happens() -> None:
    for segment in (1, 2):
        life = Life(segment)
        assert life.look(SEGMENTS, SEGMENTS, 60) == set()
        assert not life.precedence.stands_back


def test_the_later_region_stands_back_and_the_one_before_does_not() -> None:
    assert cut_off(2).precedence.stands_back
    assert not cut_off(1).precedence.stands_back


def engine_waits(option: str) -> float:
    """Seconds that the engine is told to wait, as `PT2.5S` says it."""
    return float(DISTANT[option].removeprefix("PT").removesuffix("S"))


def test_it_stands_back_before_the_engine_suspects() -> None:
    assert engine_waits("evs.suspect_timeout") > earshot.FRESH + STANDS_BACK_AFTER * earshot.LOOK


def test_nobody_comes_back_who_is_still_remembered_as_given_up() -> None:
    news = 2 * (earshot.LOOK + earshot.FRESH)  # from the node to the arbitrator, and from there to who gives it up
    assert news + engine_waits("evs.view_forget_timeout") < AT_LEAST


def test_who_stands_back_is_given_up_once_and_nobody_else() -> None:
    life = Life(1)
    assert life.look([2], SEGMENTS, 5) == set()
    assert life.look([2], SEGMENTS, 0.25, back=[4]) == {4}
    assert life.look([2], SEGMENTS, 0.25, back=[3, 4]) == {3}
    assert life.look([2], SEGMENTS, 60, back=[3, 4]) == set()
    life.look(SEGMENTS, SEGMENTS, 5)
    assert life.look([2], SEGMENTS, 5, back=[3, 4]) == {3, 4}


def test_who_is_heard_again_is_not_given_up_though_the_arbitrator_has_not_heard_of_it() -> None:
    assert Life(1).look(SEGMENTS, SEGMENTS, 5, back=[3, 4]) == set()


def test_the_later_region_gives_nobody_up() -> None:
    assert Life(2).look([4], SEGMENTS, 5, back=[1, 2, 3]) == set()


def test_a_way_that_comes_and_goes_every_second_is_not_cut() -> None:
    for segment in (1, 2):
        life = Life(segment)
        for _ in range(20):
            # an answer counts for a while, so it takes that long until anybody is silent
            assert life.look([], SEGMENTS, FLAP - earshot.FRESH + 2 * earshot.LOOK) == set()
            assert not life.precedence.stands_back
            life.look(SEGMENTS, SEGMENTS, FLAP)


def test_one_node_of_the_other_region_is_enough_to_hear_it() -> None:
    for segment, other in ((1, 4), (2, 1)):
        life = Life(segment)
        assert life.look([other], SEGMENTS, 30) == set()
        assert not life.precedence.stands_back


def test_who_hears_nobody_decides_nothing() -> None:
    """A node that is cut off from everything, or too busy to ask: a majority decides."""
    for segment in (1, 2):
        life = Life(segment)
        assert life.look([], None, 60) == set()
        assert not life.precedence.stands_back


@pytest.mark.parametrize("serving", [[], [3], [3, 4]])
def test_a_region_that_is_lost_is_not_waited_for(serving: list[int]) -> None:
    """The arbitrator does not hear it in step either: the later region goes on."""
    life = Life(2)
    life.look([4], serving, 60)
    assert not life.precedence.stands_back


def test_a_region_that_dies_is_not_waited_for_though_the_arbitrator_still_believes_in_it() -> None:
    """Its word is as old as an answer may be, and so is what it goes by."""
    life = Life(2)
    life.look(SEGMENTS, SEGMENTS, 5)
    life.look([4], SEGMENTS, earshot.FRESH + 2 * earshot.LOOK)
    life.look([4], [3, 4], 60)
    assert not life.precedence.stands_back


def test_a_later_region_that_is_lost_is_left_to_the_engine() -> None:
    assert Life(1).look([2], [1, 2], 60) == set()


def test_it_comes_back_when_they_have_heard_each_other_for_a_moment() -> None:
    life = cut_off(2)
    life.look([3], SEGMENTS, AT_LEAST)
    life.look([1, 2, 3], SEGMENTS, WELL / 2)
    assert life.precedence.stands_back
    life.look([1, 2, 3], SEGMENTS, WELL)
    assert not life.precedence.stands_back


def test_it_stays_back_until_it_is_forgotten_that_it_was_given_up() -> None:
    life = cut_off(2)
    life.look(SEGMENTS, SEGMENTS, AT_LEAST - 5)
    assert life.precedence.stands_back
    life.look(SEGMENTS, SEGMENTS, 5)
    assert not life.precedence.stands_back


@pytest.mark.parametrize("arbitrator", [None, []], ids=["silent", "hears nobody in step"])
def test_standing_back_for_nobody_ends(arbitrator: list[int] | None) -> None:
    life = cut_off(2)
    life.look([3], arbitrator, PATIENCE - 1)
    assert life.precedence.stands_back
    life.look([3], arbitrator, 2)
    assert not life.precedence.stands_back


def test_the_arbitrator_tells_who_stands_back() -> None:
    assert standing_back({3: Node(3, back="3"), 4: Node(4), 1: Node(1, back="-")}) == {3}


def test_only_nodes_in_step_are_told_of() -> None:
    phases = {3: UP, 1: UP, 2: LOST, 4: JOINING}
    assert in_step({one: Node(one, phase=phase) for one, phase in phases.items()}) == {1, 3}


def test_who_answers_is_heard_and_who_stops_answering_soon_is_not() -> None:
    port = free_port()
    looks: Queue[Mapping[int, Node]] = Queue()
    silent = threading.Event()

    def line() -> str:
        if silent.is_set():
            raise OSError("not now")
        return Node(7, phase=UP).line()

    earshot.AnswerPort(line, port).start()
    earshot.Earshot({7: "127.0.0.1", 8: "127.0.0.2"}, lambda heard, now: looks.put(heard), port).start()
    # a busy machine may need more than one look for an answer
    assert {7: Node(7, phase=UP)} in [looks.get(timeout=5) for _ in range(8)]
    silent.set()
    for _ in range(20):
        if looks.get(timeout=5) == {}:
            return
    pytest.fail("still heard")

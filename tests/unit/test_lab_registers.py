"""The register checker: it agrees with a search through all orders, catches seeded faults, accuses no right device."""

import random
import time
from dataclasses import replace
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.registers import Counterexample, Kind, Operation, Outcome, Ruling, judge

READ, WRITE = Kind.READ, Kind.WRITE
OK, FAIL, UNKNOWN = Outcome.OK, Outcome.FAIL, Outcome.UNKNOWN


def write(value, start, end=None, outcome=None, key=7):
    return Operation(key, WRITE, value, start, end, outcome or (UNKNOWN if end is None else OK))


def read(value, start, end=None, outcome=None, key=7):
    return Operation(key, READ, value, start, end, outcome or (UNKNOWN if end is None else OK))


def can_be_ordered(history, initial=None):
    """Wing and Gong's search: is there an order that respects time and in which every read sees the last write?"""
    certain = [one for one in history if one.outcome is OK]
    perhaps = [one for one in history if one.outcome is UNKNOWN and one.kind is WRITE]
    operations = certain + [replace(one, end=inf) for one in perhaps]
    needed = sum(1 << index for index in range(len(certain)))
    seen = set()

    def search(done, value):
        if done & needed == needed:
            return True
        if (done, value) in seen:
            return False
        seen.add((done, value))
        left = [index for index in range(len(operations)) if not done >> index & 1]
        first_end = min(operations[index].end for index in left)
        return any(
            search(done | 1 << index, operations[index].value)
            for index in left
            if operations[index].start <= first_end
            and (operations[index].kind is WRITE or operations[index].value == value)
        )

    return search(0, initial)


TIMES = st.integers(0, 9).map(float)


@st.composite
def histories(draw):
    """Anything at all on one register: times that tie, reads of values that nobody wrote, every outcome."""
    operations = []
    for number in range(draw(st.integers(1, 8))):
        start, end = sorted((draw(TIMES), draw(TIMES)))
        outcome = draw(st.sampled_from((OK, OK, OK, FAIL, UNKNOWN)))
        ended = end if outcome is OK or draw(st.booleans()) else None
        kind = draw(st.sampled_from(Kind))
        value = number if kind is WRITE else draw(st.sampled_from((None, *range(8))))
        operations.append(Operation(7, kind, value, start, ended, outcome))
    return operations


def device(chance, count, registers=1, clients=3, tick=None):
    """What clients see of a device that is right: every operation happens at one instant between its ends.

    Some answers are lost, and some of those operations happen all the same, even long after; some are refused.
    """
    events = []
    for client in range(clients):
        now = chance.random()
        for number in range(count // clients):
            start, effect, end = now, now + chance.random(), 0.0
            end = effect + chance.random()
            outcome = chance.choices((OK, UNKNOWN, FAIL), (8, 1, 1))[0]
            if outcome is UNKNOWN:
                effect += chance.choice((0.0, 3.0, inf))
            key = chance.randrange(registers)
            kind = chance.choice((READ, WRITE))
            if tick:
                start, end = start // tick * tick, end // tick * tick + tick
            events.append((effect, Operation(key, kind, (client, number), start, end, outcome)))
            now = end + chance.choice((0.0, chance.random()))
    held: dict[int, object] = {}
    history = []
    for effect, one in sorted(events, key=lambda event: event[0]):
        if one.kind is READ:
            history.append(replace(one, value=held.get(one.key)))
        else:
            if one.outcome is not FAIL and effect < inf:
                held[one.key] = one.value
            history.append(one if one.outcome is OK else replace(one, end=chance.choice((one.end, None))))
    return history


@st.composite
def nearly_good_histories(draw):
    """A good history in which a thing or two was changed, so that the verdict hangs by a thread."""
    chance = random.Random(draw(st.integers(0, 2**32)))
    history = device(chance, count=10, clients=2, tick=draw(st.sampled_from((0.25, 0.5))))
    for _ in range(draw(st.integers(0, 5))):
        index = chance.randrange(len(history))
        one = history[index]
        match chance.randrange(3):
            case 0 if one.kind is READ:
                history[index] = replace(one, value=chance.choice([None, *(other.value for other in history)]))
            case 1 if one.end is not None:
                history[index] = replace(one, end=max(one.start, one.end + chance.choice((-1.0, -0.5, 0.5))))
            case _:
                history[index] = replace(one, start=one.start - chance.choice((0.5, 1.0)))
    return history


def agrees(history):
    verdict = judge(history)
    assert verdict.ruling is (Ruling.VALID if can_be_ordered(history) else Ruling.INVALID)
    for counterexample in verdict.counterexamples:
        assert len(counterexample.operations) <= 6
        assert set(counterexample.operations) <= set(history)
        assert not can_be_ordered(counterexample.operations), "the counterexample proves nothing"


@pytest.mark.slow
@settings(max_examples=4000, deadline=None)
@given(histories())
def test_it_agrees_with_a_search_on_any_history(history):
    agrees(history)


@pytest.mark.slow
@settings(max_examples=3000, deadline=None)
@given(nearly_good_histories())
def test_it_agrees_with_a_search_on_histories_that_are_nearly_good(history):
    agrees(history)


BAD = {
    "a lost acknowledged write": (
        [write("a", 0, 1), write("b", 2, 2.9), read("a", 3.2, 3.4)],
        "block 7: the read that began at 3.2 s gave 'a' although 'b' had been acknowledged at 2.9 s, and 'a' had been "
        "acknowledged at 1 s, before the write of 'b' began at 2 s, so 'b' replaced 'a'",
    ),
    "a lost first write": (
        [write("a", 0, 1), read(None, 1.5, 2)],
        "block 7: the read that began at 1.5 s gave the initial None although 'a' had been acknowledged at 1 s",
    ),
    "a stale read": (
        [write("a", 0, 1), write("b", 2, 9), read("b", 3, 4), read("a", 5, 6)],
        "began at 5 s gave 'a' although 'b' had been read at 4 s",
    ),
    "a flip-flop": (
        [write("a", 0, 9), write("b", 0, 9), read("a", 1, 2), read("b", 3, 4), read("a", 5, 6)],
        "began at 5 s gave 'a' although 'b' had been read at 4 s, and 'a' had been read at 2 s, before a read that "
        "gave 'b' began at 3 s",
    ),
    "a phantom": ([write("a", 0, 1), read("c", 2, 3)], "began at 2 s gave 'c', which nobody had written"),
    "a value from the future": (
        [read("a", 0, 1), write("a", 2, 3)],
        "gave 'a' and ended at 1 s, before the write of it began at 2 s",
    ),
    "a write that was refused and is there": (
        [write("a", 0, 1, FAIL), read("a", 2, 3)],
        "gave 'a', although the write of it that began at 0 s had been refused",
    ),
    "a value that came back": (
        [write("a", 0, 1), write("b", 2, None), read("b", 4, 5), read("a", 6, 7), read("b", 8, 9)],
        "although",
    ),
    "an unanswered write that was seen and is gone": (
        [write("a", 0, 1), write("b", 2, None), read("b", 4, 5), read("a", 6, 7)],
        "gave 'a' although 'b' had been read at 5 s",
    ),
}


@pytest.mark.parametrize("seeded", BAD)
def test_a_bad_history_is_caught_and_explained(seeded):
    history, sentence = BAD[seeded]
    good = [write("x", 0, 1, key=6), read("x", 2, 3, key=6)]
    verdict = judge(good + history)
    assert verdict.ruling is Ruling.INVALID
    (counterexample,) = verdict.counterexamples
    assert isinstance(counterexample, Counterexample)
    assert (counterexample.key, sentence in counterexample.says) == (7, True), counterexample.says


GOOD = {
    "nothing": [],
    "only reads of the initial value": [read(None, 0, 1), read(None, 2, 3)],
    "a read that touches the end of the write that replaced its value": [
        write("a", 0, 1), write("b", 2, 3), read("a", 3, 4)
    ],
    "a read that ends as its write begins": [read("a", 0, 1), write("a", 1, 2)],
    "operations that take no time": [write("a", 1, 1), write("b", 1, 1), read("a", 1, 1), read("b", 1, 1)],
    "an unanswered write that happened long after": [
        write("a", 0, None), write("b", 5, 6), read("b", 7, 8), read("a", 9, 10)
    ],
    "an unanswered write with a time at which its client gave up": [
        write("a", 0, 1, UNKNOWN), write("b", 5, 6), read("b", 7, 8), read("a", 9, 10)
    ],
    "an unanswered write that never happened": [write("a", 0, 1), write("b", 2, None), read("a", 3, 4)],
    "a refused write": [write("a", 0, 1), write("b", 2, 3, FAIL), read("a", 4, 5)],
    "reads without an answer": [write("a", 0, 1), read("z", 2, None), read("y", 2, 3, FAIL)],
    "two writes at once, seen in one order": [
        write("a", 0, 9), write("b", 0, 9), read("a", 1, 2), read("b", 3, 4), read("b", 5, 6)
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_history_is_valid(kind):
    assert judge(GOOD[kind]).ruling is Ruling.VALID


@pytest.mark.parametrize("seed", range(60))
def test_what_a_right_device_answers_is_valid(seed):
    chance = random.Random(seed)
    history = device(chance, count=1500, registers=chance.choice((1, 5, 50)), clients=chance.choice((2, 8, 30)))
    verdict = judge(history)
    assert (verdict.ruling, verdict.counterexamples) == (Ruling.VALID, ())


@pytest.mark.parametrize("seed", range(20))
def test_a_device_that_goes_back_in_time_is_caught(seed):
    """One read among many gives a value that was overwritten well before it began."""
    chance = random.Random(seed)
    history = device(chance, count=1500, registers=5, clients=8)
    old = next(one for one in history if one.kind is WRITE and one.outcome is OK)
    late = max(one.start for one in history) + 10
    verdict = judge([*history, read(old.value, late, late + 1, key=old.key)])
    assert [one.key for one in verdict.counterexamples] == [old.key]


def test_a_value_written_twice_cannot_be_judged():
    history = [write("a", 0, 1), write("a", 2, 3), read("a", 4, 5)]
    verdict = judge(history)
    assert verdict.ruling is Ruling.UNKNOWN
    assert verdict.undecided == ("block 7: 'a' was written more than once",)
    assert judge([write(0, 0, 1)], initial=0).ruling is Ruling.UNKNOWN
    assert judge([*history, read("phantom", 0, 1, key=8)]).ruling is Ruling.INVALID
    assert judge([write("a", 0, 1, FAIL), write("a", 2, 3), read("a", 4, 5)]).ruling is Ruling.VALID


def test_an_operation_without_sense_is_refused():
    with pytest.raises(ValueError, match="before it started"):
        judge([write("a", 2, 1)])
    with pytest.raises(ValueError, match="but when"):
        judge([Operation(7, READ, "a", 1.0)])


@pytest.mark.slow
@pytest.mark.parametrize("registers", [1, 1000])
def test_a_hundred_thousand_operations_take_seconds(registers):
    history = device(random.Random(1), count=100_000, registers=registers, clients=50)
    began = time.process_time()
    assert judge(history).ruling is Ruling.VALID
    assert time.process_time() - began < 4.0

"""Chaos: the same for the same seed, and never more at once than the lab promises to survive."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from lab.chaos.schedule import LONGEST, RECOVERY, ROLES, SHORTEST, Strike, schedule
from lab.names import BREAKABLE
from lab.topology import all_parts

PARTS = [part for part in all_parts(2) if part.role != "bootstrap"]
KIND = {part.label: (part.site, part.role) for part in PARTS}
LABELS = {part.label for part in BREAKABLE}


def ends(strike: Strike) -> float:
    return strike.at + strike.seconds


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), seconds=st.floats(30, 400), intensity=st.integers(1, 6))
def test_nothing_is_asked_that_was_not_promised(seed: int, seconds: float, intensity: int) -> None:
    strikes = schedule(seed, seconds, intensity, PARTS)
    assert strikes == schedule(seed, seconds, intensity, reversed(PARTS))
    for number, one in enumerate(strikes):
        assert one.label in LABELS
        assert KIND[one.label][1] in ROLES
        assert 0 < one.seconds <= LONGEST
        assert ends(one) <= seconds - RECOVERY + 0.2
        before = strikes[:number]
        assert sum(ends(other) > one.at + 0.2 for other in before) < intensity
        assert all(one.at >= ends(other) + RECOVERY - 0.3 for other in before if KIND[other.label] == KIND[one.label])


def test_other_seeds_break_other_parts_and_long_runs_break_much() -> None:
    first, second = schedule(7, 300, 2, PARTS), schedule(8, 300, 2, PARTS)
    assert first != second
    assert len(first) > 20
    assert len({KIND[one.label] for one in first}) > 8
    assert len(schedule(7, 300, 1, PARTS)) < len(first)


def test_a_run_that_is_too_short_breaks_nothing() -> None:
    assert schedule(7, SHORTEST + RECOVERY, 6, PARTS) == []
    assert schedule(7, 300, 1, []) == []

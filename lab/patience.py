"""Waiting for something to come true, without taking the processors that it needs for that."""

import time
from collections.abc import Callable

SHORTEST, PER_PART, LONGEST = 0.3, 0.08, 2.0


def pause_between_looks(unwell: int) -> float:
    """Seconds to leave what starts alone before the next look at everything, while so many parts do not work yet.

    One look at a region takes a sixth of a second of a processor: with thirty parts missing it learns little.
    """
    return min(LONGEST, max(SHORTEST, PER_PART * unwell))


def wait_for(condition: Callable[[], bool], seconds: float, pause: float = 0.2) -> bool:
    """Whether a condition comes true within so many seconds; half of the time at most is spent looking."""
    give_up = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        if condition():
            return True
        if time.monotonic() > give_up:
            return False
        time.sleep(max(pause, time.monotonic() - began))

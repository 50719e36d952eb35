"""Waiting for something to come true, without taking the processors that it needs for that."""

import time
from collections.abc import Callable


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

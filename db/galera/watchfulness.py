"""Whether this process was asleep.

A node that was paused wakes up with yesterday's news: it believes to be in step, and senior, until its engine hears
that the others went on without it. For that moment it must not call itself usable.
"""

from __future__ import annotations

SLEPT = 1.0
"""Seconds between two ticks that count as sleep. A busy machine may delay a tick by some tenths."""

CONVALESCENCE = 1.0
"""Seconds after waking in which the engine learns what it missed."""


class Watchfulness:
    """Fed by the main loop; asked from another thread, which may well be the first to wake."""

    def __init__(self, now: float) -> None:
        self._last = now
        self._woke = float("-inf")

    def tick(self, now: float) -> None:
        """The main loop came by."""
        if now - self._last > SLEPT:
            self._woke = now
        self._last = now

    def doubtful(self, now: float) -> bool:
        """Whether what the node believes of its membership may be stale."""
        return now - self._last > SLEPT or now - self._woke < CONVALESCENCE

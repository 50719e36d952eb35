"""Whether a database cluster over several regions is known to have no majority here. Decisions only."""

from __future__ import annotations

GRACE_SECONDS = 4.0
"""How long writes may be refused (error 1047) while members that lost each other agree on who goes on: a second or two
over a WAN, after the seconds in which commits hang. What lasts longer is no passing matter."""

MEMORY_SECONDS = 10.0
"""A refusal older than this says nothing about now."""


class Majority:
    """What the last writes met."""

    def __init__(self) -> None:
        self._first = self._last = float("-inf")

    def refused(self, now: float) -> bool:
        """A write was refused for want of a majority. Says whether that has gone on for too long to wait any more."""
        if now - self._last > MEMORY_SECONDS:
            self._first = now
        self._last = now
        return now - self._first >= GRACE_SECONDS

    def granted(self) -> None:
        """A write succeeded."""
        self._last = float("-inf")

"""For how long something has been so, without a break."""

from __future__ import annotations


class Lasting:
    """Fed with every look; a look that says no begins it anew."""

    def __init__(self) -> None:
        self._since: float | None = None

    def seconds(self, holds: bool, now: float) -> float:
        """For how long it has held, this look included; 0 where it does not. Times are monotonic seconds."""
        if not holds:
            self._since = None
            return 0.0
        if self._since is None:
            self._since = now
        return now - self._since

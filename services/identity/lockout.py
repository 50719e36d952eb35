"""May this user log in now, and may this password be used again? Decisions only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class LockoutRule:
    """After `attempts` failures in a row nobody gets in for `seconds`, the right password or not. 0 attempts: never."""

    attempts: int
    seconds: float

    def locked(self, failures: int, last_at: datetime | None, now: datetime) -> bool:
        if self.attempts <= 0 or failures < self.attempts or last_at is None:
            return False
        return now < last_at + timedelta(seconds=self.seconds)

    def failures_after(self, failures: int, last_at: datetime | None, now: datetime) -> int:
        """The count after one more failure: it starts anew where a lock has run out."""
        served_out = 0 < self.attempts <= failures and not self.locked(failures, last_at, now)
        return 1 if served_out else failures + 1


def used_before(verify: Callable[[str], bool], newest_first: Sequence[str], history: int) -> bool:
    """Whether a new password, for which `verify` compares with a hash, is one of the last `history`."""
    return any(verify(old) for old in newest_first[:history])

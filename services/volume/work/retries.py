"""What follows a failure: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from services.volume.states import Task

#: Work that fails for a reason nobody has thought of is tried so often before it ends in an error.
ATTEMPTS = 5

_FIRST, _LONGEST = 0.25, 10.0


@dataclass(frozen=True, slots=True)
class Again:
    """Try it once more after a pause."""

    pause: timedelta


@dataclass(frozen=True, slots=True)
class GiveUp:
    """It ends in an error."""


def after_failure(task: Task, failures: int, *, may_pass: bool) -> Again | GiveUp:
    """What to do after the failure of `task` that came after `failures` others.

    `may_pass`: a part is away and will come back, so there is no reason to give up. Deleting is never given up: what
    was answered with 202 must not stay in the store.
    """
    if not may_pass and failures + 1 >= ATTEMPTS and task not in (Task.DELETE, Task.DELETE_SNAPSHOT):
        return GiveUp()
    return Again(timedelta(seconds=min(_FIRST * 2 ** min(failures, 10), _LONGEST)))

"""The life of token keys. Decisions only.

    staged ──(known to every replica)──> primary ──(a newer one is primary)──> retired ──(its tokens expired)──> gone

Invariant: a token is only ever encrypted with a key that every replica has had time to load, and a key stays as long as
a token that was encrypted with it may be valid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Key:
    """One key as stored; `promoted_at` is None while it is staged."""

    id: int
    secret: str
    created_at: datetime
    promoted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Rotation:
    """What to do: make `promote` the primary key, stage a new key under `stage`, forget `remove`; and why, in words."""

    promote: int | None
    stage: int | None
    remove: tuple[int, ...]
    why: str


def by_use(keys: Sequence[Key]) -> list[Key]:
    """The primary key first (it encrypts), then all others (they decrypt)."""
    promoted = sorted((key for key in keys if key.promoted_at is not None), key=lambda key: key.id, reverse=True)
    return promoted + [key for key in keys if key.promoted_at is None]


def rotate(keys: Sequence[Key], now: datetime, *, distribution: timedelta, token_life: timedelta) -> Rotation:
    """The next step of rotation. A staged key younger than `distribution` waits: some replica may not have it yet."""
    newest = max((key.id for key in keys), default=0)
    remove = _outlived(keys, now, token_life + distribution)
    staged = [key for key in keys if key.promoted_at is None]
    if not staged:
        return Rotation(None, newest + 1, remove, f"no key was staged: key {newest + 1} is now")
    candidate = min(staged, key=lambda key: key.id)
    age = now - candidate.created_at
    if age < distribution and any(key.promoted_at for key in keys):
        wait = (distribution - age).total_seconds()
        return Rotation(
            None, None, remove, f"key {candidate.id} was staged {age.total_seconds():.0f} s ago: wait {wait:.0f} s more"
        )
    return Rotation(candidate.id, newest + 1, remove, f"key {candidate.id} is primary now, key {newest + 1} is staged")


def _outlived(keys: Sequence[Key], now: datetime, token_life: timedelta) -> tuple[int, ...]:
    """Keys whose successor has been primary for `token_life` and more: nothing they encrypted is still valid."""
    promoted = [key for key in by_use(keys) if key.promoted_at is not None]
    return tuple(
        older.id
        for newer, older in pairwise(promoted)
        if newer.promoted_at is not None and now - newer.promoted_at > token_life
    )

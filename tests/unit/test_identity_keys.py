"""Replicas that share their keys through the database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.identity.keys import KeyRing, UnknownToken, ensure_keys, load_keys, rotate_keys
from services.identity.models import Base
from services.platform.database import Transactor
from services.platform.faults import Unavailable


@pytest.fixture
def transactor(tmp_path: Path) -> Iterator[Transactor]:
    made = Transactor(f"sqlite:///{tmp_path}/db.sqlite")
    Base.metadata.create_all(made.engine)
    yield made
    made.close()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_without_keys_nothing_is_encrypted_and_a_retry_is_safe(transactor: Transactor) -> None:
    with pytest.raises(Unavailable):
        KeyRing(transactor, 10).encrypt(b"x")


def test_keys_are_made_once(transactor: Transactor) -> None:
    transactor.write(ensure_keys)
    first = transactor.read(load_keys)
    transactor.write(ensure_keys)
    assert transactor.read(load_keys) == first
    assert [key.promoted_at is None for key in first] == [False, True]


def test_a_token_of_one_replica_is_read_by_another_and_rubbish_is_not(transactor: Transactor) -> None:
    transactor.write(ensure_keys)
    one, other = KeyRing(transactor, 10), KeyRing(transactor, 10)
    token = one.encrypt(b"payload")
    assert "=" not in token
    assert other.decrypt(token) == b"payload"
    for rubbish in ("", "rubbish", token[:-4], "ä", "=" * 9, token + "A" * 4):
        with pytest.raises(UnknownToken):
            other.decrypt(rubbish)


def test_rotation_step_by_step_never_leaves_a_replica_without_the_key_it_needs(transactor: Transactor) -> None:
    transactor.write(ensure_keys)
    clock = Clock()
    fresh, stale = KeyRing(transactor, 10, clock), KeyRing(transactor, 10**9, clock)
    tokens = [stale.encrypt(b"0")]
    for step in range(1, 4):
        done = rotate_keys(transactor, refresh_seconds=0, token_seconds=3600)
        assert done.promote == step + 1
        clock.now += 11
        tokens.append(fresh.encrypt(str(step).encode()))
        # The stale replica staged its last key long ago: what it does not know, it loads when it meets it.
        assert [stale.decrypt(token) for token in tokens] == [str(number).encode() for number in range(step + 1)]


def test_rotation_too_soon_changes_nothing(transactor: Transactor) -> None:
    transactor.write(ensure_keys)
    before = transactor.read(load_keys)
    assert rotate_keys(transactor, refresh_seconds=10, token_seconds=3600).promote is None
    assert transactor.read(load_keys) == before

"""The life of token keys, with replicas that load them only now and then."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.identity.key_rules import Key, Rotation, by_use, rotate

START = datetime(2026, 1, 1)
DISTRIBUTION = timedelta(seconds=30)
LIFE = timedelta(seconds=3600)
REFRESH = timedelta(seconds=10)


def key(number: int, created: float = 0, promoted: float | None = None) -> Key:
    moment = None if promoted is None else START + timedelta(seconds=promoted)
    return Key(number, f"secret{number}", START + timedelta(seconds=created), moment)


def at(seconds: float, *keys: Key) -> Rotation:
    return rotate(keys, START + timedelta(seconds=seconds), distribution=DISTRIBUTION, token_life=LIFE)


def test_the_newest_promoted_key_encrypts_and_all_decrypt() -> None:
    keys = [key(1, promoted=0), key(2, promoted=50), key(3)]
    assert [each.id for each in by_use(keys)] == [2, 1, 3]


def test_a_staged_key_that_everybody_has_becomes_primary_and_another_is_staged() -> None:
    done = at(31, key(1, promoted=0), key(2))
    assert (done.promote, done.stage, done.remove) == (2, 3, ())


def test_a_staged_key_that_is_too_young_waits() -> None:
    done = at(29, key(1, promoted=0), key(2))
    assert (done.promote, done.stage) == (None, None)
    assert "wait 1 s more" in done.why


def test_a_missing_staged_key_is_made_first() -> None:
    done = at(1000, key(1, promoted=0))
    assert (done.promote, done.stage) == (None, 2)


def test_a_key_goes_when_its_successor_has_been_primary_for_longer_than_any_token_lives() -> None:
    keys = (key(1, promoted=0), key(2, promoted=100), key(3, created=100))
    assert at(100 + 3630, *keys).remove == ()
    assert at(100 + 3631, *keys).remove == (1,)


def apply(keys: list[Key], done: Rotation, now: datetime) -> list[Key]:
    kept = [
        Key(each.id, each.secret, each.created_at, now if each.id == done.promote else each.promoted_at)
        for each in keys
        if each.id not in done.remove
    ]
    return [*kept, Key(done.stage, f"secret{done.stage}", now, None)] if done.stage is not None else kept


@given(st.lists(st.integers(0, 4000), max_size=30), st.lists(st.integers(0, 10), min_size=3, max_size=3))
def test_no_replica_ever_meets_a_valid_token_whose_key_it_lacks(pauses: list[int], phases: list[int]) -> None:
    """Replicas load the keys every ten seconds, each at its own phase, and encrypt with what they have."""
    now, keys = START, [key(1, promoted=0), key(2)]
    history = [(START, keys)]
    for pause in pauses:
        now += timedelta(seconds=pause)
        keys = apply(keys, rotate(keys, now, distribution=DISTRIBUTION, token_life=LIFE), now)
        history.append((now, keys))

    def known(moment: datetime) -> list[Key]:
        return next(there for since, there in reversed(history) if since <= moment)

    def loaded(phase: int, moment: datetime) -> list[Key]:
        seconds = (moment - START).total_seconds() - phase
        return known(max(START, START + timedelta(seconds=phase + seconds // 10 * 10)))

    for moment, _ in history:
        for encrypting in phases:
            used = by_use(loaded(encrypting, moment))[0].id
            for decrypting in phases:
                assert used in {each.id for each in loaded(decrypting, moment)}
                # The token's last moment. A replica that loads then must still find the key.
                assert used in {each.id for each in known(moment + LIFE)}

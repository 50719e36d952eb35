"""Lockout and password history."""

from __future__ import annotations

from datetime import datetime, timedelta

from services.identity.lockout import LockoutRule, used_before

NOW = datetime(2026, 1, 1, 12, 0)
RULE = LockoutRule(attempts=2, seconds=5)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def test_one_failure_locks_nobody_out() -> None:
    assert not RULE.locked(1, ago(0), NOW)


def test_as_many_failures_as_allowed_lock_the_user_out_until_the_time_is_over() -> None:
    assert RULE.locked(2, ago(4.9), NOW)
    assert not RULE.locked(2, ago(5), NOW)


def test_no_attempts_means_no_lockout() -> None:
    assert not LockoutRule(0, 5).locked(100, ago(0), NOW)


def test_failures_add_up_and_start_anew_after_a_lock() -> None:
    assert RULE.failures_after(0, None, NOW) == 1
    assert RULE.failures_after(1, ago(1000), NOW) == 2
    assert RULE.failures_after(2, ago(1), NOW) == 3
    assert RULE.failures_after(2, ago(6), NOW) == 1


def test_only_the_last_passwords_are_compared_with() -> None:
    compared = []

    def same(old: str) -> bool:
        compared.append(old)
        return old == "b"

    assert used_before(same, ["c", "b", "a"], 2)
    assert compared == ["c", "b"]
    assert not used_before(same, ["c", "a", "b"], 2)
    assert not used_before(same, ["b"], 0)

"""Is this token good?"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.identity.payload import Payload
from services.identity.token_facts import CredentialFacts, Facts, Place
from services.identity.validity import NEWS_SECONDS, may_be_news, micros, refusal, token_role_ids

NOW = datetime(2026, 1, 1, 12, 0, 0, 123456)
LADDER = {"admin": {"member"}, "member": {"reader"}}

PAYLOAD = Payload(
    user_id="u",
    methods=("password",),
    issued_at=micros(NOW - timedelta(hours=1)),
    expires_at=micros(NOW + timedelta(seconds=1)),
    epoch=3,
    audit_ids=("a",),
    scope="project",
    scope_id="p",
)
FACTS = Facts(
    user=Place("u", "user", "default", "Default"),
    user_enabled=True,
    epoch=3,
    revoked=False,
    scope=Place("p", "project", "default", "Default"),
    scope_enabled=True,
    role_ids=frozenset({"member"}),
    credential=None,
)
CREDENTIAL = CredentialFacts("c", "cred", False, None, frozenset({"reader"}))


def why(payload: Payload = PAYLOAD, facts: Facts | None = FACTS, **more: Any) -> str | None:
    role_ids = token_role_ids(facts, LADDER) if facts is not None else set()
    return refusal(payload, facts, role_ids, NOW, **more)


def test_a_token_is_good_while_nothing_speaks_against_it() -> None:
    assert why() is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"user_enabled": False}, "disabled"),
        ({"epoch": 4}, "password was changed"),
        ({"revoked": True}, "revoked"),
        ({"scope": None}, "project is gone"),
        ({"scope_enabled": False}, "project is disabled"),
        ({"role_ids": frozenset()}, "no role"),
    ],
)
def test_what_changed_since_ends_it(changes: dict[str, Any], reason: str) -> None:
    assert reason in (why(facts=replace(FACTS, **changes)) or "")


def test_a_user_who_is_gone_ends_it() -> None:
    assert "gone" in (why(facts=None) or "")


def test_it_ends_when_its_time_is_over_and_grace_bears_with_it_a_little_longer() -> None:
    over = replace(PAYLOAD, expires_at=micros(NOW))
    assert "expired" in (why(over) or "")
    assert why(over, grace_seconds=1) is None


def test_a_token_without_scope_needs_no_role() -> None:
    facts = replace(FACTS, scope=None, role_ids=frozenset())
    assert why(replace(PAYLOAD, scope="none", scope_id=""), facts) is None


def test_an_application_credential_gives_what_it_names_of_what_the_user_has() -> None:
    facts = replace(FACTS, credential=CREDENTIAL)
    assert token_role_ids(facts, LADDER) == {"reader"}
    assert token_role_ids(replace(facts, role_ids=frozenset({"other"})), LADDER) == set()


def test_an_application_credential_ends_its_tokens_when_it_goes_expires_or_gives_nothing_any_more() -> None:
    payload = replace(PAYLOAD, application_credential_id="c")
    assert why(payload, replace(FACTS, credential=CREDENTIAL)) is None
    assert "gone" in (why(payload) or "")
    assert "expired" in (why(payload, replace(FACTS, credential=replace(CREDENTIAL, expires_at=NOW))) or "")
    lost = replace(FACTS, credential=CREDENTIAL, role_ids=frozenset({"other"}))
    assert "lost the roles" in (why(payload, lost) or "")


def test_micros_keep_every_microsecond() -> None:
    assert micros(NOW) % 1_000_000 == 123456


FRESH = replace(PAYLOAD, issued_at=micros(NOW - timedelta(seconds=1)))


@pytest.mark.parametrize(
    "facts",
    [
        None,
        replace(FACTS, epoch=2),
        replace(FACTS, scope=None),
        replace(FACTS, scope_enabled=False),
        replace(FACTS, user_enabled=False),
        replace(FACTS, role_ids=frozenset()),
    ],
)
def test_a_fresh_token_may_rest_on_what_only_the_other_region_has_seen(facts: Facts | None) -> None:
    assert may_be_news(FRESH, facts, NOW)
    assert not may_be_news(PAYLOAD, facts, NOW)
    assert not may_be_news(replace(FRESH, issued_at=micros(NOW - timedelta(seconds=NEWS_SECONDS + 1))), facts, NOW)


def test_a_credential_may_be_news_too() -> None:
    payload = replace(FRESH, application_credential_id="c")
    assert may_be_news(payload, FACTS, NOW)
    assert not may_be_news(payload, replace(FACTS, credential=CREDENTIAL), NOW)


@pytest.mark.parametrize(
    "facts", [FACTS, replace(FACTS, revoked=True), replace(FACTS, epoch=4), replace(FACTS, epoch=4, scope=None)]
)
def test_what_is_known_to_be_newer_is_no_news(facts: Facts) -> None:
    assert not may_be_news(FRESH, facts, NOW)
    assert not may_be_news(replace(FRESH, expires_at=micros(NOW)), facts, NOW)

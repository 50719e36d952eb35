"""Is this token good, given what is known now? Decisions only."""

from __future__ import annotations

from datetime import datetime

from services.identity.payload import Payload
from services.identity.role_rules import Implications, with_implied
from services.identity.token_facts import Facts
from services.platform.times import to_epoch


def micros(moment: datetime) -> int:
    """A time as payloads hold it: microseconds since the epoch."""
    return round(to_epoch(moment) * 1_000_000)


def token_role_ids(facts: Facts, implied: Implications) -> set[str]:
    """The roles a token gives: those assigned and implied; of them, an application credential's own selection."""
    role_ids = with_implied(facts.role_ids, implied)
    if facts.credential is not None:
        role_ids &= with_implied(facts.credential.role_ids, implied)
    return role_ids


def refusal(
    payload: Payload, facts: Facts | None, role_ids: set[str], now: datetime, *, grace_seconds: float = 0.0
) -> str | None:
    """Why the token is not valid, or None where it is. `role_ids` are those it gives (`token_role_ids`).

    `grace_seconds` bears with a token that expired not longer ago.
    """
    if payload.expires_at + grace_seconds * 1_000_000 <= micros(now):
        return "it has expired"
    if facts is None:
        return "its user is gone"
    if facts.revoked:
        return "it was revoked"
    if payload.epoch != facts.epoch:
        return "its user's password was changed or the user was disabled since"
    if not facts.user_enabled:
        return "its user or the user's domain is disabled"
    return _scope_refusal(payload, facts, role_ids, now)


#: Replication between regions takes fractions of a second; a token older than this brings no news.
NEWS_SECONDS = 30.0


def may_be_news(payload: Payload, facts: Facts | None, now: datetime) -> bool:
    """Whether a token may rest on something that another region has stored and this one has not seen yet.

    So it may where it was issued just now and does not fit what is known here, unless that is the newer knowledge: a
    revocation, or a later epoch.
    """
    if payload.expires_at <= micros(now) or micros(now) - payload.issued_at > NEWS_SECONDS * 1_000_000:
        return False
    if facts is not None and (facts.revoked or payload.epoch < facts.epoch):
        return False
    return refusal(payload, facts, set(facts.role_ids) if facts else set(), now) is not None


def _scope_refusal(payload: Payload, facts: Facts, role_ids: set[str], now: datetime) -> str | None:
    if payload.scope != "none":
        if facts.scope is None:
            return f"its {payload.scope} is gone"
        if not facts.scope_enabled:
            return f"its {payload.scope} is disabled"
        if not role_ids and not payload.application_credential_id:
            return f"its user has no role on the {payload.scope} any more"
    if payload.application_credential_id:
        if facts.credential is None:
            return "its application credential is gone"
        if facts.credential.expires_at is not None and facts.credential.expires_at <= now:
            return "its application credential has expired"
        if not role_ids:
            return "its user has lost the roles of the application credential"
    return None

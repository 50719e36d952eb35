"""Issuing, validating and revoking tokens. Nothing is believed that is older than the statement that reads it."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from services.identity.keys import KeyRing, UnknownToken
from services.identity.models import RevokedToken
from services.identity.payload import AUDIT_BYTES, METHODS, MalformedPayload, Payload, ScopeKind, audit_id_from
from services.identity.reference import ReferenceCache, RoleName
from services.identity.repetition import mark_done, was_done
from services.identity.token_facts import Facts, facts_of
from services.identity.validity import may_be_news, micros, refusal, token_role_ids
from services.platform.context import Access
from services.platform.database import Transactor
from services.platform.faults import NotFound, Unauthorized
from services.platform.request import RequestKey
from services.platform.times import from_epoch, utcnow

log = logging.getLogger(__name__)

#: How long after its end a token may still be looked at with `allow_expired` (Keystone's `allow_expired_window`).
EXPIRED_GRACE_SECONDS = 48 * 3600.0


@dataclass(frozen=True, slots=True)
class Bearer(Access):
    """What identity itself knows of a token's bearer beyond `Access`."""

    methods: tuple[str, ...] = ()
    #: The application credential it came from, and whether that may not manage application credentials.
    application_credential_id: str = ""
    restricted: bool = False


@dataclass(frozen=True, slots=True)
class ValidToken:
    """A token that was found valid just now."""

    payload: Payload
    facts: Facts
    roles: tuple[RoleName, ...]

    def bearer(self) -> Bearer:
        payload, facts = self.payload, self.facts
        project = facts.scope if payload.scope == "project" else None
        return Bearer(
            user_id=facts.user.id,
            user_name=facts.user.name,
            user_domain_id=facts.user.domain_id,
            project_id=project.id if project else None,
            project_name=project.name if project else None,
            project_domain_id=project.domain_id if project else None,
            domain_id=payload.scope_id if payload.scope == "domain" else None,
            system=payload.scope == "system",
            roles=frozenset(role.name for role in self.roles),
            expires_at=payload.expires_at / 1_000_000,
            audit_id=payload.audit_ids[0],
            methods=payload.methods,
            application_credential_id=payload.application_credential_id,
            restricted=facts.credential is not None and not facts.credential.unrestricted,
        )


class Tokens:
    """The service's own `TokenValidator`, and all that is done with tokens besides."""

    def __init__(
        self, transactor: Transactor, keys: KeyRing, reference: ReferenceCache, *, lifetime_seconds: float
    ) -> None:
        self._transactor, self._keys, self._reference = transactor, keys, reference
        self._lifetime = timedelta(seconds=lifetime_seconds)

    def cached(self, token: str) -> None:
        """Nothing: here a revocation takes effect at once."""

    def validate(self, token: str) -> Bearer:
        """Raises Unauthorized."""
        try:
            return self.find(token).bearer()
        except NotFound:
            raise Unauthorized from None

    def find(self, token: str, *, allow_expired: bool = False) -> ValidToken:
        """The token where it is valid. Raises NotFound, as Keystone answers for the subject of a validation."""
        payload = self.open(token)
        found, why = self._judge(payload, EXPIRED_GRACE_SECONDS if allow_expired else 0.0)
        if found is None:
            log.info("refusing token %s: %s", payload.audit_ids[0], why)
            raise NotFound("Failed to validate token")
        return found

    def open(self, token: str) -> Payload:
        """What a token says, valid or not. Raises NotFound where it is not one of ours."""
        try:
            return Payload.unpack(self._keys.decrypt(token))
        except (UnknownToken, MalformedPayload):
            raise NotFound("Could not recognize Fernet token") from None

    def issue(self, payload: Payload) -> tuple[str, ValidToken]:
        """A new token. Raises Unauthorized where it would not be valid, e.g. for want of a role."""
        found, why = self._judge(payload, 0.0)
        if found is None:
            log.info("no token for user %s: %s", payload.user_id, why)
            raise Unauthorized
        return self._keys.encrypt(payload.pack()), found

    def payload(
        self,
        user_id: str,
        epoch: int,
        methods: tuple[str, ...],
        scope: tuple[ScopeKind, str],
        *,
        parent: Payload | None = None,
        application_credential_id: str = "",
    ) -> Payload:
        """What a token issued now says. One that came of a `parent` token joins its chain and ends with it."""
        now = utcnow()
        audit_id = audit_id_from(os.urandom(AUDIT_BYTES))
        fresh = Payload(
            user_id=user_id,
            methods=tuple(method for method in METHODS if method in methods),
            issued_at=micros(now),
            expires_at=micros(now + self._lifetime),
            epoch=epoch,
            audit_ids=(audit_id,),
            scope=scope[0],
            scope_id=scope[1],
            application_credential_id=application_credential_id,
        )
        if parent is None:
            return fresh
        return replace(fresh, expires_at=parent.expires_at, audit_ids=(audit_id, parent.audit_ids[-1]))

    def revoke(self, payload: Payload, key: RequestKey) -> None:
        """End one token before its time, everywhere at once; forget those that have run out since."""

        def store(session: Session) -> None:
            session.execute(delete(RevokedToken).where(RevokedToken.expires_at < utcnow() - _kept_longer()))
            audit_id = payload.audit_ids[0]
            if session.get(RevokedToken, audit_id) is None:
                session.add(RevokedToken(audit_id=audit_id, expires_at=from_epoch(payload.expires_at / 1_000_000)))
            if not was_done(session, key):
                mark_done(session, key)

        self._transactor.write(store)

    def _judge(self, payload: Payload, grace_seconds: float) -> tuple[ValidToken | None, str]:
        facts = self._transactor.read_settled(
            lambda session: facts_of(session, payload), lambda found: not may_be_news(payload, found, utcnow())
        )
        roles: tuple[RoleName, ...] = ()
        role_ids: set[str] = set()
        if facts is not None and facts.role_ids:
            known = self._reference.get(facts.role_ids)
            role_ids = token_role_ids(facts, known.implied)
            named = (known.roles[role_id] for role_id in role_ids if role_id in known.roles)
            roles = tuple(sorted((role for role in named if not role.domain_id), key=lambda role: role.name))
        why = refusal(payload, facts, role_ids, utcnow(), grace_seconds=grace_seconds)
        if why is not None or facts is None:
            return None, why or ""
        return ValidToken(payload, facts, roles), ""


def _kept_longer() -> timedelta:
    """Revocations outlive their tokens as long as expired tokens may still be asked about."""
    return timedelta(seconds=EXPIRED_GRACE_SECONDS)

"""From proofs of who somebody is to a token: methods, lockout, scope."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import and_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.identity.models import ApplicationCredential
from services.identity.password_store import count_failure, forget_failures
from services.identity.payload import Payload, ScopeKind
from services.identity.people import Account, Named, find_account, find_domain_id, find_project_id
from services.identity.state import Identity
from services.identity.tokens import ValidToken
from services.platform.faults import NotFound, Unauthorized, Unavailable
from services.platform.times import utcnow

log = logging.getLogger(__name__)


NOTHING = Named()

#: How long a login waits for what is merely noted beside it.
NOTE_SECONDS = 2.0


def is_there(found: object) -> bool:
    """Whether a look found something."""
    return found is not None


@dataclass(frozen=True, slots=True)
class Proof:
    """One method's outcome. `bound` is the only scope that the method allows, where it allows but one."""

    method: tuple[str, ...]
    account: Account
    parent: Payload | None = None
    credential_id: str = ""
    bound: tuple[ScopeKind, str] | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """The scope asked for; `kind` None: whatever is usual for the user."""

    kind: ScopeKind | None
    what: Named = NOTHING


def check_password(identity: Identity, who: Named, password: str) -> Account:
    """The account where the password is right and the user may log in. Raises Unauthorized, the same for all causes."""
    account = _account(identity, who)
    if account is None:
        identity.passwords.verify(password, None)
        raise Unauthorized
    now, rule = utcnow(), identity.lockout
    exempt = account.options.get("ignore_lockout_failure_attempts") is True
    if not exempt and rule.locked(account.failures, account.failed_at, now):
        identity.passwords.verify(password, None)
        log.info("user %s is locked out after %d failures", account.id, account.failures)
        raise Unauthorized
    if not identity.passwords.verify(password, account.password_hash):
        newer = _account(identity, who, unlike=account.password_hash)
        if newer is None or not identity.passwords.verify(password, newer.password_hash):
            if not exempt and rule.attempts > 0:
                _count_failure(identity, account.id)
            raise Unauthorized
        account = newer
    if account.failures:
        _note(
            identity, f"the end of user {account.id}'s failures", lambda session: forget_failures(session, account.id)
        )
    if not account.enabled:
        raise Unauthorized
    return account


def _account(identity: Identity, who: Named, *, unlike: str | None = None) -> Account | None:
    """The account, even if another region has just made it; with `unlike`, only one with another password than that."""

    def settled(account: Account | None) -> bool:
        return account is not None and account.password_hash != unlike

    account = identity.transactor.read_settled(lambda session: find_account(session, who), settled)
    return account if unlike is None or settled(account) else None


def _count_failure(identity: Identity, user_id: str) -> None:
    def count(session: Session) -> None:
        count_failure(session, user_id, identity.lockout, utcnow())

    try:
        _note(identity, f"one failure of user {user_id}", count)
    except IntegrityError:
        # Another first failure was stored at the same moment, or the user has just been deleted.
        log.info("one failure of user %s was not counted", user_id)


def _note(identity: Identity, what: str, work: Callable[[Session], None]) -> None:
    """Store something beside a login; without a database to write to, the login goes its way all the same."""
    try:
        identity.transactor.write(work, patience=NOTE_SECONDS)
    except Unavailable as fault:
        log.warning("%s was not noted: %s", what, fault.message)


def by_password(identity: Identity, who: Named, password: str) -> Proof:
    return Proof(("password",), check_password(identity, who, password))


def by_token(identity: Identity, token: str) -> Proof:
    """A token of somebody proves who they are. Raises NotFound where it is not valid, as Keystone does."""
    valid = identity.tokens.find(token)
    payload = valid.payload
    account = _account(identity, Named(id=payload.user_id))
    if account is None:
        raise NotFound("Failed to validate token")
    bound = (payload.scope, payload.scope_id) if payload.application_credential_id else None
    return Proof(("token", *payload.methods), account, payload, payload.application_credential_id, bound)


def by_application_credential(identity: Identity, what: Named, owner: Named | None, secret: str) -> Proof:
    def find(session: Session) -> tuple[ApplicationCredential, Account] | None:
        if what.id is not None:
            row = session.get(ApplicationCredential, what.id)
            account = find_account(session, Named(id=row.user_id)) if row else None
        else:
            account = find_account(session, owner or Named())
            mine = ApplicationCredential.user_id == (account.id if account else "")
            row = session.scalar(
                select(ApplicationCredential).where(and_(mine, ApplicationCredential.name == what.name))
            )
        return (row, account) if row is not None and account is not None else None

    found = identity.transactor.read_settled(find, is_there)
    if not identity.passwords.verify(secret, found[0].secret_hash if found else None) or found is None:
        raise Unauthorized
    row, account = found
    return Proof(("application_credential",), account, None, row.id, ("project", row.project_id))


def log_in(identity: Identity, proofs: list[Proof], wanted: Wanted) -> tuple[str, ValidToken]:
    """A token for what the proofs prove together. Raises Unauthorized."""
    if not proofs or len({proof.account.id for proof in proofs}) != 1:
        raise Unauthorized
    account = proofs[0].account
    methods = tuple(dict.fromkeys(name for proof in proofs for name in proof.method))
    parent = next((proof.parent for proof in proofs if proof.parent is not None), None)
    credential_id = next((proof.credential_id for proof in proofs if proof.credential_id), "")
    bound = next((proof.bound for proof in proofs if proof.bound is not None), None)

    def issue(scope: tuple[ScopeKind, str]) -> tuple[str, ValidToken]:
        payload = identity.tokens.payload(
            account.id, account.epoch, methods, scope, parent=parent, application_credential_id=credential_id
        )
        return identity.tokens.issue(payload)

    if bound is not None:
        if wanted.kind is not None and _resolve(identity, wanted) != bound:
            raise Unauthorized
        return issue(bound)
    if wanted.kind is not None:
        return issue(_resolve(identity, wanted))
    if account.default_project_id is not None:
        try:
            return issue(("project", account.default_project_id))
        except Unauthorized:
            log.debug("user %s has no role on their default project", account.id)
    return issue(("none", ""))


def _resolve(identity: Identity, wanted: Wanted) -> tuple[ScopeKind, str]:
    """The scope by id. Raises Unauthorized where there is no such place."""
    if wanted.kind == "project":
        found = identity.transactor.read_settled(lambda session: find_project_id(session, wanted.what), is_there)
    elif wanted.kind == "domain":
        found = identity.transactor.read_settled(lambda session: find_domain_id(session, wanted.what), is_there)
    else:
        return (wanted.kind or "none", "system" if wanted.kind == "system" else "")
    if found is None:
        raise Unauthorized
    return (wanted.kind, found)

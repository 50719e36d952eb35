"""What the database says about a token, in two statements (three with an application credential)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, bindparam, exists, or_, select
from sqlalchemy.orm import Session, aliased

from services.identity.models import (
    SYSTEM,
    Ancestor,
    ApplicationCredential,
    ApplicationCredentialRole,
    Assignment,
    Domain,
    Membership,
    Project,
    RevokedToken,
    User,
)
from services.identity.payload import Payload


@dataclass(frozen=True, slots=True)
class Place:
    """A domain, or a project with its domain."""

    id: str
    name: str
    domain_id: str = ""
    domain_name: str = ""


@dataclass(frozen=True, slots=True)
class CredentialFacts:
    id: str
    name: str
    unrestricted: bool
    expires_at: datetime | None
    role_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Facts:
    """As things are now. `scope` is None where the token has none or its place is gone; `role_ids`: as assigned."""

    user: Place
    user_enabled: bool
    epoch: int
    revoked: bool
    scope: Place | None
    scope_enabled: bool
    role_ids: frozenset[str]
    credential: CredentialFacts | None


_UserDomain, _ScopeDomain = aliased(Domain), aliased(Domain)

_PEOPLE = (
    select(
        User.name, User.enabled, User.token_epoch, _UserDomain.id, _UserDomain.name, _UserDomain.enabled,
        exists().where(RevokedToken.audit_id == bindparam("audit_id")),
        Project.id, Project.name, Project.enabled, _ScopeDomain.id, _ScopeDomain.name, _ScopeDomain.enabled,
    )
    .select_from(User)
    .join(_UserDomain, _UserDomain.id == User.domain_id)
    # That no project is the user says nothing, but without a word on both SQLAlchemy warns of a cartesian product.
    .outerjoin(Project, and_(Project.id == bindparam("project_id"), Project.id != User.id))
    .outerjoin(_ScopeDomain, or_(_ScopeDomain.id == Project.domain_id, _ScopeDomain.id == bindparam("domain_id")))
    .where(User.id == bindparam("user_id"))
)  # fmt: skip

_APPLIES: ColumnElement[bool] = or_(
    and_(Assignment.target_id == bindparam("target_id"), Assignment.inherited.is_(False)),
    and_(
        Assignment.inherited.is_(True),
        exists().where(Ancestor.project_id == bindparam("target_id"), Ancestor.ancestor_id == Assignment.target_id),
    ),
)
_ROLES = (
    select(Assignment.role_id)
    .where(Assignment.actor_id == bindparam("user_id"), _APPLIES)
    .union(
        select(Assignment.role_id)
        .join(Membership, Membership.group_id == Assignment.actor_id)
        .where(Membership.user_id == bindparam("user_id"), _APPLIES)
    )
)

_CREDENTIAL = (
    select(
        ApplicationCredential.id,
        ApplicationCredential.name,
        ApplicationCredential.unrestricted,
        ApplicationCredential.expires_at,
        ApplicationCredentialRole.role_id,
    )
    .outerjoin(
        ApplicationCredentialRole, ApplicationCredentialRole.application_credential_id == ApplicationCredential.id
    )
    .where(ApplicationCredential.id == bindparam("credential_id"))
)


def assigned_role_ids(session: Session, user_id: str, target_id: str) -> frozenset[str]:
    """The roles that a user has on a project, a domain or the system, by groups and inheritance too; none implied."""
    return frozenset(session.scalars(_ROLES, {"user_id": user_id, "target_id": target_id}))


def facts_of(session: Session, payload: Payload) -> Facts | None:
    """None where the user is gone."""
    row = session.execute(
        _PEOPLE,
        {
            "user_id": payload.user_id,
            "audit_id": payload.audit_ids[0],
            "project_id": payload.scope_id if payload.scope == "project" else "",
            "domain_id": payload.scope_id if payload.scope == "domain" else "",
        },
    ).one_or_none()
    if row is None:
        return None
    (
        user_name, user_enabled, epoch, user_domain_id, user_domain_name, user_domain_enabled, revoked,
        project_id, project_name, project_enabled, domain_id, domain_name, domain_enabled,
    ) = row  # fmt: skip
    scope, scope_enabled, target_id = None, True, ""
    if payload.scope == "project" and project_id is not None:
        scope = Place(project_id, project_name, domain_id, domain_name)
        scope_enabled, target_id = project_enabled and domain_enabled, project_id
    elif payload.scope == "domain" and domain_id is not None:
        scope, scope_enabled, target_id = Place(domain_id, domain_name), domain_enabled, domain_id
    elif payload.scope == "system":
        scope, target_id = Place(SYSTEM, SYSTEM), SYSTEM
    return Facts(
        user=Place(payload.user_id, user_name, user_domain_id, user_domain_name),
        user_enabled=user_enabled and user_domain_enabled,
        epoch=epoch,
        revoked=bool(revoked),
        scope=scope,
        scope_enabled=scope_enabled,
        role_ids=assigned_role_ids(session, payload.user_id, target_id) if target_id else frozenset(),
        credential=_credential(session, payload.application_credential_id),
    )


def _credential(session: Session, credential_id: str) -> CredentialFacts | None:
    if not credential_id:
        return None
    rows = session.execute(_CREDENTIAL, {"credential_id": credential_id}).all()
    if not rows:
        return None
    first = rows[0]
    role_ids = frozenset(row.role_id for row in rows if row.role_id is not None)
    return CredentialFacts(first.id, first.name, first.unrestricted, first.expires_at, role_ids)

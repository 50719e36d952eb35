"""Finding users, domains and projects by id or name, and what logging in needs to know of a user."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from services.identity.models import Domain, LoginFailures, Password, Project, User


@dataclass(frozen=True, slots=True)
class Named:
    """Something by its id, or by its name within a domain that is given by id or name. Domains: no domain."""

    id: str | None = None
    name: str | None = None
    domain_id: str | None = None
    domain_name: str | None = None

    def matches(self, model: type[User | Project]) -> ColumnElement[bool]:
        """The condition on `model` joined with `Domain`; false where too little is given."""
        if self.id is not None:
            return model.id == self.id
        return and_(model.name == self.name, or_(Domain.id == self.domain_id, Domain.name == self.domain_name))


@dataclass(frozen=True, slots=True)
class Account:
    """What logging in needs to know of a user."""

    id: str
    enabled: bool
    epoch: int
    default_project_id: str | None
    options: dict[str, Any]
    password_hash: str | None
    failures: int
    failed_at: datetime | None


def find_account(session: Session, who: Named) -> Account | None:
    newest = select(func.max(Password.number)).where(Password.user_id == User.id).correlate(User).scalar_subquery()
    row = session.execute(
        select(
            User.id, User.enabled, Domain.enabled, User.token_epoch, User.default_project_id, User.options,
            Password.hash, LoginFailures.count, LoginFailures.last_at,
        )
        .join(Domain, Domain.id == User.domain_id)
        .outerjoin(Password, and_(Password.user_id == User.id, Password.number == newest))
        .outerjoin(LoginFailures, LoginFailures.user_id == User.id)
        .where(who.matches(User))
    ).first()  # fmt: skip
    if row is None:
        return None
    user_id, enabled, domain_enabled, epoch, default_project_id, options, stored, failures, failed_at = row
    return Account(
        user_id, enabled and domain_enabled, epoch, default_project_id, options, stored, failures or 0, failed_at
    )


def find_project_id(session: Session, what: Named) -> str | None:
    return session.scalar(select(Project.id).join(Domain, Domain.id == Project.domain_id).where(what.matches(Project)))


def find_domain_id(session: Session, what: Named) -> str | None:
    return session.scalar(select(Domain.id).where(or_(Domain.id == what.id, Domain.name == what.name)))


def password_hashes(session: Session, user_id: str) -> list[str]:
    """All that are kept, newest first."""
    return list(
        session.scalars(select(Password.hash).where(Password.user_id == user_id).order_by(Password.number.desc()))
    )

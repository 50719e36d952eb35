"""Storing passwords, and counting failures to give the right one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from services.identity.lockout import LockoutRule
from services.identity.models import LoginFailures, Password, User
from services.platform.times import utcnow


def set_password(session: Session, user: User, stored: str, history: int) -> None:
    """Give `user` a new password and end all tokens; of the earlier passwords, keep as many as `history` needs."""
    newest = session.scalar(select(func.max(Password.number)).where(Password.user_id == user.id)) or 0
    session.add(Password(user_id=user.id, number=newest + 1, hash=stored, created_at=utcnow()))
    session.execute(delete(Password).where(Password.user_id == user.id, Password.number <= newest - history))
    user.token_epoch += 1


def count_failure(session: Session, user_id: str, rule: LockoutRule, now: datetime) -> None:
    row = session.get(LoginFailures, user_id, with_for_update=True)
    if row is None:
        session.add(LoginFailures(user_id=user_id, count=1, last_at=now))
    else:
        row.count = rule.failures_after(row.count, row.last_at, now)
        row.last_at = now


def forget_failures(session: Session, user_id: str) -> None:
    session.execute(delete(LoginFailures).where(LoginFailures.user_id == user_id))

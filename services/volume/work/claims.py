"""Who works on what: rows of `work`, always inside somebody's transaction.

A claim is a number that only grows and a time until which it is believed. Whoever ends a piece of work proves in the
same transaction that its number is still the current one; so of two replicas that think they hold it, one ends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.volume.models import Work
from services.volume.states import Task

#: How long after work was ordered somebody looks for it even if nobody was hinted.
HINT_PATIENCE = timedelta(seconds=1.0)


class Lost(Exception):
    """Another replica, or another order, has taken the work over: leave it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt at a piece of work."""

    resource_id: str
    task: Task
    args: dict[str, Any]
    request_id: str
    attempt: int
    failures: int


def order(
    session: Session, resource_id: str, kind: str, task: Task, args: dict[str, Any], request_id: str, now: datetime
) -> None:
    """Make `task` what is to be done. Whoever is at something else for this resource finds its claim lost."""
    row = session.get(Work, resource_id)
    if row is None:
        row = Work(resource_id=resource_id, kind=kind, attempt=0)
        session.add(row)
    row.task, row.args, row.request_id = task, args, request_id
    row.attempt += 1
    row.holder, row.failures, row.check_at = None, 0, now + HINT_PATIENCE


def call_off(session: Session, resource_id: str) -> None:
    """Nothing is to be done any more, whoever is at it."""
    row = session.get(Work, resource_id)
    if row is not None:
        row.task, row.holder, row.check_at = None, None, None
        row.attempt += 1


def take(session: Session, resource_id: str, holder: str, now: datetime, lease: timedelta) -> Claim | None:
    """Claim the work; None where there is none, or somebody has it."""
    row = session.get(Work, resource_id)
    if row is None or row.task is None or (row.holder is not None and row.check_at is not None and row.check_at > now):
        return None
    row.holder, row.check_at = holder, now + lease
    row.attempt += 1
    return Claim(resource_id, Task(row.task), dict(row.args), row.request_id, row.attempt, row.failures)


def held(session: Session, claim: Claim) -> Work:
    """The row of a claim that is still the current one. Raises Lost."""
    row = session.get(Work, claim.resource_id)
    if row is None or row.task is None or row.attempt != claim.attempt:
        raise Lost(f"{claim.task} of {claim.resource_id}, attempt {claim.attempt}")
    return row


def renew(session: Session, claim: Claim, now: datetime, lease: timedelta) -> None:
    """Keep the claim for another while. Raises Lost."""
    held(session, claim).check_at = now + lease


def put_back(session: Session, claim: Claim, now: datetime, pause: timedelta, *, failed: bool) -> None:
    """Give the claim up for anybody to take after `pause`. Raises Lost."""
    row = held(session, claim)
    row.holder, row.check_at = None, now + pause
    row.failures += failed


def close(session: Session, claim: Claim) -> None:
    """The work is done. Raises Lost."""
    row = held(session, claim)
    row.task, row.holder, row.check_at = None, None, None


def overdue(session: Session, now: datetime, limit: int) -> list[str]:
    """Work that nobody is at: its hint was lost, its holder died, its pause is over."""
    due = select(Work.resource_id).where(Work.check_at < now).order_by(Work.check_at).limit(limit)
    return list(session.scalars(due))

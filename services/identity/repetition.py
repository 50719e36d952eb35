"""Requests that cannot be carried out twice: what was done is remembered by the request's key.

The load balancer repeats a request whose answer it lost. A deletion that was carried out would then be answered with
404, a password change with 401; here it is found done, and answered as it would have been.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from services.identity.models import FinishedRequest
from services.platform.request import RequestKey
from services.platform.times import utcnow

#: Repetitions come within seconds.
WINDOW = timedelta(minutes=10)


def was_done(session: Session, key: RequestKey) -> bool:
    return session.get(FinishedRequest, str(key.key)) is not None


def mark_done(session: Session, key: RequestKey) -> None:
    """To be stored with the work itself. Forgets the requests of long ago."""
    now = utcnow()
    session.execute(delete(FinishedRequest).where(FinishedRequest.finished_at < now - WINDOW))
    session.add(FinishedRequest(request_key=str(key.key), finished_at=now))

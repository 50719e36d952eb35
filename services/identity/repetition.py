"""Requests that cannot be carried out twice: that one was done is remembered by its key, beside its units of work.

The load balancer repeats a request whose answer it lost. A deletion that was carried out would then be answered with
404, a password change with 401; here it is found done, and answered as it would have been.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from services.platform import units
from services.platform.request import RequestKey


def was_done(session: Session, key: RequestKey) -> bool:
    return units.is_committed(session.connection(), str(key.key))


def mark_done(session: Session, key: RequestKey) -> None:
    """To be stored with the work itself. Raises IntegrityError where another run of the request was faster."""
    units.note(session.connection(), str(key.key))

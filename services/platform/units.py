"""What has been committed already: so that no change that a client asked for once is made twice.

A unit of work runs again when the answer to its COMMIT is lost, and a whole request runs again on another replica when
the load balancer gets no answer. If the first run did commit, and others have changed the same thing since, the second
would undo their work. So each unit leaves its name in its own transaction, and the name is taken only once: of two
runs, wherever they run and however late, the database lets one commit. See docs/decisions/0024.

The name comes from the request's key, the work's own name and how often this request has done such work before; the
key alone is the name of the request as a whole, for services that remember that it was done (identity). Work
that no request asked for (a conductor's, a worker's) has none: it looks at the state first, and runs on what it finds.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

#: A run that was frozen may come to itself this much later and still finds its name taken.
REMEMBERED_SECONDS = 900

COMMITTED = sa.Table(
    "committed_units",
    sa.MetaData(),
    sa.Column("unit", sa.String(36), primary_key=True),
    # By the database's clock, in seconds since the epoch: a replica's may be wrong.
    sa.Column("committed_at", sa.Integer, nullable=False, index=True),
)


class Units:
    """The units of work of one request, in the order in which they begin."""

    def __init__(self, request: uuid.UUID) -> None:
        self._request, self._seen = request, Counter[str]()

    def name(self, work: Callable[..., Any]) -> str:
        """The next unit's: the same in every execution of the request that does the same things."""
        what = f"{getattr(work, '__module__', '')}.{getattr(work, '__qualname__', type(work).__qualname__)}"
        self._seen[what] += 1
        return str(uuid.uuid5(self._request, f"unit:{what}:{self._seen[what]}"))


#: Those of the request that is served here and now; None where there is none.
current_units: ContextVar[Units | None] = ContextVar("units", default=None)


def next_unit(work: Callable[..., Any]) -> str | None:
    """The name of the unit that `work` is, None outside a request."""
    units = current_units.get()
    return None if units is None else units.name(work)


def is_committed(connection: sa.Connection, unit: str) -> bool:
    """Whether a run of the unit has committed."""
    return connection.scalar(sa.select(COMMITTED.c.unit).where(COMMITTED.c.unit == unit)) is not None


def take(connection: sa.Connection, unit: str) -> bool:
    """Leave the unit's name in this transaction, as its last change. False where another run has committed it.

    While another run is about to commit, it waits for that one.
    """
    try:
        note(connection, unit)
    except IntegrityError:
        return False
    return True


def note(connection: sa.Connection, unit: str) -> None:
    """Leave a name in this transaction. Raises IntegrityError where it is there already."""
    connection.execute(sa.insert(COMMITTED).values(unit=unit, committed_at=_now(connection)))


def forget_old(connection: sa.Connection) -> None:
    """Remove what was committed long ago."""
    connection.execute(sa.delete(COMMITTED).where(COMMITTED.c.committed_at < _now(connection) - REMEMBERED_SECONDS))


def _now(connection: sa.Connection) -> sa.ColumnElement[int]:
    sqlite = connection.dialect.name == "sqlite"
    words = "CAST(strftime('%s', 'now') AS INTEGER)" if sqlite else "UNIX_TIMESTAMP()"
    return sa.literal_column(words, sa.Integer)

"""The one transaction runner. All database access of all services goes through `Transactor`.

A unit of work is a function of a session that may be run again from its start: after a deadlock or a failed
certification (Galera), after a lost connection (a writer that died), after another transaction changed a row first
(`generation`, below). Because the loss of a connection during COMMIT leaves the outcome unknown, work that inserts
uses ids chosen before its first run and looks for them first (`find_or_add`), and what a request changes is committed
once only, however often it is run (`services.platform.units`). See docs/decisions/0001 and 0024.

A database that regions share has a writer in each. What one has acknowledged, the other sees a moment later, so work
that misses something there is run once more behind all that was acknowledged anywhere; and a region that is cut off
can read, not write. See docs/decisions/0014.

Every mutable row has a `generation`: SQLAlchemy adds `AND generation = ?` to each UPDATE and raises StaleDataError
where it matched nothing (optimistic concurrency, as in OpenStack Placement).
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, declared_attr, mapped_column
from sqlalchemy.orm.exc import StaleDataError

from services.platform import metrics, units
from services.platform.faults import NotFound, Unavailable
from services.platform.majority import Majority

log = logging.getLogger(__name__)

T = TypeVar("T")

NO_MAJORITY = 1047  # "WSREP has not yet prepared node for application use"

#: MariaDB, Galera, client and ProxySQL errors after which the same work may succeed.
RETRYABLE_CODES = frozenset({
    1020,  # record has changed since last read (snapshot isolation)
    1040,  # too many connections
    1047,  # WSREP has not yet prepared node
    1053,  # server shutdown in progress
    1158, 1159, 1160, 1161,  # network errors reported by the server
    1180,  # error during commit
    1205,  # lock wait timeout
    1213,  # deadlock, and a failed certification
    1290,  # server is read-only
    1317,  # query interrupted
    1927,  # connection was killed
    2002, 2003, 2006, 2013, 2014, 2055,  # the client lost or never had its connection
    9001, 9002,  # ProxySQL: no writer just now
})  # fmt: skip


#: How often a process removes what it need not remember.
FORGET_SECONDS = 60.0


class Versioned:
    """Mixin of every mutable table: the row's generation, checked by each UPDATE and DELETE."""

    @declared_attr
    def generation(cls) -> Mapped[int]:
        return mapped_column(default=1, nullable=False)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.generation}


def error_code(error: BaseException) -> Any:
    """The database's number for what went wrong, None where it gave none."""
    original = error.orig if isinstance(error, DBAPIError) else error
    return original.args[0] if original is not None and original.args else None


def retry_reason(error: BaseException) -> str | None:
    """Why the work that raised `error` may be run again, in a word; None where it may not."""
    if isinstance(error, StaleDataError):
        return "generation"
    if isinstance(error, PoolTimeout | DisconnectionError):
        return "pool"
    if isinstance(error, IntegrityError) or not isinstance(error, DBAPIError):
        return None
    original = error.orig
    code = error_code(error)
    if code in RETRYABLE_CODES:
        return str(code)
    if error.connection_invalidated:
        return "disconnect"
    text = str(original)
    if "database is locked" in text or "database table is locked" in text:
        return "locked"
    # PyMySQL reports a connection lost in odd places as code 0 or with no text at all.
    return "disconnect" if code == 0 and type(original).__name__ in ("InterfaceError", "OperationalError") else None


#: How the wait for what other nodes acknowledged fails without a majority.
CANNOT_CATCH_UP = (NO_MAJORITY, 1205)

#: For another look at what seems to be missing: it takes a round trip between regions, or cannot be had.
LATEST_PATIENCE = 3.0


def no_majority(database: str | None) -> str:
    """What a client is told whose change cannot be made in this region."""
    return (
        f"The {database} database has no majority in this region (it is cut off from the others): it can be read, not "
        "written. Try again when the connection is back, or in the other region."
    )


@dataclass
class Unit(Generic[T]):
    """A unit of work on its way through its runs."""

    work: Callable[[Session], T]
    writing: bool
    name: str | None  # None where nothing must be remembered of it
    unheard: list[T] = field(default_factory=list)  # the result of a run whose COMMIT nobody answered

    def run(self, connection: Connection) -> T:
        """Run it in the transaction of `connection`, all its statements included."""
        with Session(connection, expire_on_commit=False) as session:
            result = self.work(session)
            if self.writing:
                session.flush()
            return result


class Transactor:
    """Runs units of work, again where that is safe, until they succeed or `patience` seconds are over."""

    def __init__(self, url: str, *, patience: float = 8.0, pool_size: int = 8) -> None:
        self.engine = make_engine(url, pool_size, self._connected)
        self._patience = patience
        #: Whether other regions write to this database too; known with the first connection.
        self.shared = False
        self._majority = Majority()
        self._forget_at = time.monotonic() + FORGET_SECONDS

    def _connected(self, shared: bool) -> None:
        self.shared = shared

    def write(self, work: Callable[[Session], T], *, patience: float | None = None) -> T:
        """Run `work` in a transaction and commit it. Raises what `work` raises, or Unavailable when patience ends.

        In a region without a majority it is Unavailable, too, and says so.
        """
        return self._run(work, writing=True, patience=patience)

    def read(self, work: Callable[[Session], T]) -> T:
        """As `write`, for work that changes nothing."""
        return self._run(work, writing=False)

    def read_settled(self, work: Callable[[Session], T], settled: Callable[[T], bool]) -> T:
        """As `read`; a result that is not `settled` is read once more behind what other regions have acknowledged."""
        found = self.read(work)
        if settled(found) or not self.shared:
            return found
        try:
            return self._run(work, writing=False, patience=LATEST_PATIENCE, latest=True)
        except Unavailable:
            return found  # cut off: nothing newer can be had

    def _run(
        self, work: Callable[[Session], T], *, writing: bool, patience: float | None = None, latest: bool = False
    ) -> T:
        """Work that raises NotFound is run once more, behind what other regions have acknowledged."""
        limit = self._patience if patience is None else patience
        unit = Unit(work, writing, units.next_unit(work) if writing else None)
        try:
            return self._until(time.monotonic() + limit, limit, unit, latest)
        except NotFound as missing:
            if latest or not self.shared:
                raise
            try:
                return self._until(time.monotonic() + LATEST_PATIENCE, LATEST_PATIENCE, unit, True)
            except Unavailable:
                raise missing from None

    def _until(self, give_up: float, patience: float, unit: Unit[T], latest: bool) -> T:
        pause = 0.005
        while True:
            try:
                return self._once(unit, latest)
            except Exception as error:
                reason = retry_reason(error)
                if reason is None:
                    raise
                metrics.transaction_retries.labels(reason).inc()
                now = time.monotonic()
                if self.shared and unit.writing and error_code(error) == NO_MAJORITY and self._majority.refused(now):
                    raise Unavailable(no_majority(self.engine.url.database)) from error
                if now + pause > give_up:
                    log.warning("the database did not answer for %.0f s: %s", patience, error)
                    raise Unavailable("The database is away just now. Retry in a moment.") from error
                log.debug("running a transaction again (%s)", reason)
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
            pause = min(pause * 2, 0.25)

    def _once(self, unit: Unit[T], latest: bool) -> T:
        with self.engine.connect().execution_options(quorate_writing=unit.writing) as connection:
            # A read ends with the connection, which rolls back; the session takes no part: what it loaded stays usable.
            connection.begin()
            try:
                if (
                    latest
                    and self.engine.dialect.name != "sqlite"
                    and (missed := _catch_up(connection.exec_driver_sql))
                ):
                    raise Unavailable("Nothing newer can be had from the other region just now.") from missed
                return self._commit(unit, connection) if unit.writing else unit.run(connection)
            except DBAPIError as error:
                if not isinstance(error, IntegrityError) and not connection.closed:
                    # The server may have kept the transaction open: after a COMMIT that failed nobody else ends it, and
                    # in the pool it would keep its locks for hours.
                    connection.invalidate()
                raise

    def _commit(self, unit: Unit[T], connection: Connection) -> T:
        if unit.name and unit.unheard and units.is_committed(connection, unit.name):
            return unit.unheard[0]
        result = unit.run(connection)
        if unit.name and not units.take(connection, unit.name):
            # Another run of it was there before, or is of another replica: what this one did is not kept.
            return unit.unheard[0] if unit.unheard else result
        unit.unheard[:] = [result]
        connection.commit()
        self._majority.granted()
        self._forget(connection)
        return result

    def _forget(self, connection: Connection) -> None:
        if (now := time.monotonic()) < self._forget_at:
            return
        self._forget_at = now + FORGET_SECONDS
        try:
            units.forget_old(connection)
            connection.commit()
        except SQLAlchemyError as error:
            # Another replica is at it, or the next time will do.
            connection.invalidate()
            log.debug("what was committed long ago is not forgotten yet: %s", error)

    def close(self) -> None:
        self.engine.dispose()


R = TypeVar("R", bound=DeclarativeBase)


def find_or_add(session: Session, row: R, key: object) -> tuple[R, bool]:
    """The row of primary key `key` where an earlier run of this work stored it, else `row`, added and flushed.

    The flag says whether it was added now.
    """
    found = session.get(type(row), key)
    if found is not None:
        return found, False
    session.add(row)
    session.flush()
    return row, True


def make_engine(url: str, pool_size: int, connected: Callable[[bool], None]) -> Engine:
    """An engine with bounded waits. MariaDB's isolation level is set by the servers (READ COMMITTED).

    `connected` is told at each new connection whether the database is shared with other regions.
    """
    if url.startswith("sqlite"):
        engine = create_engine(url, connect_args={"timeout": 5.0, "check_same_thread": False})
        _use_explicit_sqlite_transactions(engine)
        return engine
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size * 2,
        pool_timeout=3.0,
        pool_use_lifo=True,
        # Whoever takes a connection ends its transaction before giving it back; another ROLLBACK would be a round trip
        # for nothing, one of three in a short read.
        pool_reset_on_return=None,
        # No TLS: it would be unauthenticated on a private network, and its handshake takes twenty times the rest of a
        # new connection, just when all replicas open theirs to a new writer.
        # A connection request that was lost while the address moved is repeated by the kernel after a second only.
        connect_args={"connect_timeout": 0.5, "read_timeout": 10, "write_timeout": 10, "ssl_disabled": True},
    )

    @event.listens_for(engine, "connect")
    def see_what_was_acknowledged(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT @@wsrep_dirty_reads")
            shared = bool(cursor.fetchone()[0])
            connection.rollback()
            # It may be to a node that became writer a moment ago: wait until that has applied everything. Where regions
            # share the database the wait would take a round trip between them, or seconds just when one is lost; there,
            # what is missing is looked for again (`Transactor`).
            missed = None if shared else _catch_up(cursor.execute)
        if missed is not None:
            raise missed
        connected(shared)
        connection.commit()

    return engine


def _catch_up(execute: Callable[[str], Any]) -> Exception | None:
    """Wait until the node has applied all that any node acknowledged before; the error where that cannot be had.

    To be called before a transaction begins: within one the server does not wait.
    """
    # A server that may be read without a majority, as those that regions share may, would skip the wait.
    execute("SET SESSION wsrep_dirty_reads = OFF, wsrep_sync_wait = 1")
    try:
        execute("SELECT 1")
    except Exception as error:
        if error_code(error) not in CANNOT_CATCH_UP:
            raise
        return error
    finally:
        execute("SET SESSION wsrep_dirty_reads = DEFAULT, wsrep_sync_wait = 0")
    return None


def _use_explicit_sqlite_transactions(engine: Engine) -> None:
    """SQLite as the other databases behave: real transactions, writers taking the lock at their start."""

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        writing = connection.get_execution_options().get("quorate_writing", True)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

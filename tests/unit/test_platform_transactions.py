"""The transaction runner: what is run again, what is not, and that nothing is done twice."""

import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pymysql
import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from services.platform.database import (
    LATEST_PATIENCE,
    RETRYABLE_CODES,
    Transactor,
    Versioned,
    find_or_add,
    retry_reason,
)
from services.platform.faults import NotFound, Unavailable
from services.platform.majority import GRACE_SECONDS, MEMORY_SECONDS, Majority


class Base(DeclarativeBase):
    pass


class Counter(Versioned, Base):
    __tablename__ = "counters"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column(default=0)


@pytest.fixture
def transactor(tmp_path: Path) -> Transactor:
    made = Transactor(f"sqlite:///{tmp_path}/test.sqlite", patience=5)
    Base.metadata.create_all(made.engine)
    return made


def lost(code: int) -> OperationalError:
    return OperationalError("COMMIT", {}, pymysql.err.OperationalError(code, "as the driver says it"))


@pytest.mark.parametrize("code", sorted(RETRYABLE_CODES))
def test_passing_failures_are_run_again(code: int) -> None:
    assert retry_reason(lost(code)) == str(code)


def test_mistakes_are_not_run_again() -> None:
    assert retry_reason(lost(1064)) is None
    assert retry_reason(IntegrityError("INSERT", {}, pymysql.err.IntegrityError(1062, "Duplicate"))) is None
    assert retry_reason(ValueError()) is None


def test_an_outcome_that_was_lost_on_the_way_is_found_again(
    transactor: Transactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks after the commit: the caller cannot know, the second run must find the first one's work."""
    runs: list[bool] = []
    commit = transactor.engine.dialect.do_commit

    def do_commit(connection: Any) -> None:
        commit(connection)
        if len(runs) == 1:
            raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(transactor.engine.dialect, "do_commit", do_commit)

    def work(session: Session) -> bool:
        _, added = find_or_add(session, Counter(name="one", value=1), "one")
        runs.append(added)
        return added

    assert transactor.write(work) is False
    assert runs == [True, False]
    assert transactor.read(lambda s: s.scalar(select(func.count()).select_from(Counter))) == 1


def test_concurrent_changes_of_one_row_all_count(transactor: Transactor) -> None:
    transactor.write(lambda session: session.add(Counter(name="shared", value=0)))

    def increment(session: Session) -> None:
        row = session.get(Counter, "shared")
        assert row is not None
        row.value += 1

    threads = [threading.Thread(target=lambda: [transactor.write(increment) for _ in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    row = transactor.read(lambda session: session.get(Counter, "shared"))
    assert row is not None
    assert row.value == 80
    assert row.generation == 81


def test_a_stale_generation_is_noticed_and_the_work_runs_on_the_new_state(transactor: Transactor) -> None:
    transactor.write(lambda session: session.add(Counter(name="x", value=1)))
    seen = []

    def work(session: Session) -> None:
        row = session.get(Counter, "x")
        assert row is not None
        seen.append(row.value)
        if len(seen) == 1:
            # As another transaction would, between our read and our write.
            session.connection().exec_driver_sql("UPDATE counters SET value = 7, generation = generation + 1")
        row.value += 1

    transactor.write(work)
    assert len(seen) == 2


def test_a_transaction_whose_commit_failed_keeps_no_locks(
    transactor: Transactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is left to its connection, and the connection to nobody: the next run begins on another one."""
    failures = [sqlite3.OperationalError("database is locked")]
    commit = transactor.engine.dialect.do_commit

    def do_commit(connection: Any) -> None:
        if failures:
            raise failures.pop()
        commit(connection)

    monkeypatch.setattr(transactor.engine.dialect, "do_commit", do_commit)
    transactor.write(lambda session: session.add(Counter(name="x", value=1)))
    assert failures == []
    other = Transactor(str(transactor.engine.url), patience=0.5)
    other.write(lambda session: session.add(Counter(name="y", value=1)))
    assert transactor.read(lambda s: s.scalar(select(func.count()).select_from(Counter))) == 2


def test_a_duplicate_costs_no_connection(transactor: Transactor) -> None:
    dropped: list[object] = []
    event.listen(transactor.engine, "invalidate", lambda *arguments: dropped.append(arguments))
    transactor.write(lambda session: session.add(Counter(name="x", value=1)))
    with pytest.raises(IntegrityError):
        transactor.write(lambda session: session.add(Counter(name="x", value=2)))
    assert dropped == []


def test_patience_ends(tmp_path: Path) -> None:
    transactor = Transactor(f"sqlite:///{tmp_path}/x.sqlite", patience=0.1)

    def work(_session: Session) -> None:
        raise lost(1047)

    with pytest.raises(Unavailable):
        transactor.write(work)


def test_what_the_work_raises_is_rolled_back(transactor: Transactor) -> None:
    def work(session: Session) -> None:
        session.add(Counter(name="never", value=1))
        session.flush()
        raise KeyError("no")

    with pytest.raises(KeyError):
        transactor.write(work)
    assert transactor.read(lambda session: session.get(Counter, "never")) is None


def test_what_is_missing_is_looked_for_once_more_where_regions_share_the_database(transactor: Transactor) -> None:
    runs: list[str] = []

    def work(session: Session) -> int:
        runs.append("run")
        if len(runs) == 2:
            session.add(Counter(name="late", value=3))
        row = session.get(Counter, "late")
        if row is None:
            raise NotFound("no counter")
        return row.value

    with pytest.raises(NotFound):
        transactor.write(work)
    assert len(runs) == 1
    transactor.shared = True
    runs.clear()
    assert transactor.write(work) == 3
    assert len(runs) == 2


def test_what_is_missing_everywhere_is_missing(transactor: Transactor) -> None:
    transactor.shared = True
    runs: list[str] = []

    def work(_session: Session) -> None:
        runs.append("run")
        raise NotFound("no counter")

    with pytest.raises(NotFound, match="no counter"):
        transactor.read(work)
    assert len(runs) == 2


def test_only_what_is_not_settled_is_read_again(transactor: Transactor) -> None:
    transactor.shared = True
    answers = iter([None, 7, 8])
    assert transactor.read_settled(lambda _: next(answers), lambda found: found is not None) == 7
    assert transactor.read_settled(lambda _: next(answers), lambda found: found is not None) == 8


@pytest.mark.slow
def test_a_region_that_is_cut_off_answers_with_what_it_knows(transactor: Transactor) -> None:
    transactor.shared = True
    runs: list[str] = []

    def cut_off(_session: Session) -> None:
        runs.append("run")
        if len(runs) == 1:
            raise NotFound("not here")
        raise lost(1205)

    began = time.monotonic()
    with pytest.raises(NotFound, match="not here"):
        transactor.read(cut_off)
    assert time.monotonic() - began < LATEST_PATIENCE + 1


@pytest.mark.slow
def test_without_a_majority_a_write_is_refused_with_the_reason_and_later_ones_at_once(tmp_path: Path) -> None:
    transactor = Transactor(f"sqlite:///{tmp_path}/identity", patience=GRACE_SECONDS + 3)
    transactor.shared = True
    assert transactor.engine.url.database is not None

    def work(_session: Session) -> None:
        raise lost(1047)

    for least, most in ((GRACE_SECONDS - 0.5, GRACE_SECONDS + 2), (0, 0.5)):
        began = time.monotonic()
        with pytest.raises(Unavailable, match=r"no majority in this region .* in the other region"):
            transactor.write(work)
        assert least <= time.monotonic() - began < most
    transactor.close()


def test_refusals_count_from_the_first_of_a_row() -> None:
    majority = Majority()
    assert not majority.refused(100.0)
    assert not majority.refused(100.0 + GRACE_SECONDS / 2)
    assert majority.refused(100.0 + GRACE_SECONDS)
    assert majority.refused(100.0 + GRACE_SECONDS + MEMORY_SECONDS)
    assert not majority.refused(100.0 + GRACE_SECONDS + 2.1 * MEMORY_SECONDS)
    majority.refused(200.0)
    majority.granted()
    assert not majority.refused(200.0 + GRACE_SECONDS)

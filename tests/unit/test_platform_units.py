"""A change that was asked for once is made once, whoever runs it again, and however late."""

from __future__ import annotations

import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from services.platform.database import Transactor
from services.platform.units import COMMITTED, REMEMBERED_SECONDS, Units, current_units, forget_old


class Base(DeclarativeBase):
    pass


class Register(Base):
    __tablename__ = "registers"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column()


COMMITTED.to_metadata(Base.metadata)


@pytest.fixture
def transactor(tmp_path: Path) -> Transactor:
    made = Transactor(f"sqlite:///{tmp_path}/test.sqlite", patience=5)
    Base.metadata.create_all(made.engine)
    made.write(lambda session: session.add(Register(name="x", value=0)))
    return made


@contextmanager
def request(key: uuid.UUID | None = None) -> Iterator[uuid.UUID]:
    """One execution of the request of this key."""
    key = key or uuid.uuid4()
    reset = current_units.set(Units(key))
    try:
        yield key
    finally:
        current_units.reset(reset)


def store(value: int) -> Callable[[Session], Register]:
    def work(session: Session) -> Register:
        row = session.get_one(Register, "x")
        row.value = value
        return row

    return work


def value_of(transactor: Transactor) -> int:
    return transactor.read(lambda session: session.get_one(Register, "x").value)


def lose_an_answer(transactor: Transactor, monkeypatch: pytest.MonkeyPatch, then: Callable[[], object]) -> None:
    """The next COMMIT succeeds and its answer is lost; `then` happens before anybody knows."""
    commit, left = transactor.engine.dialect.do_commit, [then]

    def do_commit(connection: Any) -> None:
        commit(connection)
        if left:
            left.pop()()
            raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(transactor.engine.dialect, "do_commit", do_commit)


def in_another_thread(work: Callable[[], object]) -> None:
    """As another client's request: without this one's context."""
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_a_change_whose_answer_was_lost_does_not_undo_what_came_after_it(
    transactor: Transactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_an_answer(transactor, monkeypatch, lambda: in_another_thread(lambda: transactor.write(store(2))))
    with request():
        answered = transactor.write(store(1))
    assert answered.value == 1
    assert value_of(transactor) == 2


def test_the_answer_of_a_deletion_that_was_not_heard_is_that_it_is_gone(
    transactor: Transactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_an_answer(transactor, monkeypatch, lambda: None)
    with request():
        transactor.write(lambda session: session.delete(session.get_one(Register, "x")))
    assert transactor.read(lambda session: session.get(Register, "x")) is None


def test_a_change_that_did_not_commit_is_made_by_the_next_run(
    transactor: Transactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, left = transactor.engine.dialect.do_commit, ["refused"]

    def do_commit(connection: Any) -> None:
        if left:
            raise sqlite3.OperationalError(f"database is locked: {left.pop()}")
        commit(connection)

    monkeypatch.setattr(transactor.engine.dialect, "do_commit", do_commit)
    with request():
        transactor.write(store(1))
    assert value_of(transactor) == 1


def test_a_replica_that_was_frozen_does_not_do_again_what_another_did_for_it(transactor: Transactor) -> None:
    with request() as key:
        assert transactor.write(store(1)).value == 1
    with request():
        transactor.write(store(2))
    with request(key):
        assert transactor.write(store(1)).value == 1
    assert value_of(transactor) == 2


def test_of_two_replicas_at_once_one_commits(transactor: Transactor) -> None:
    key, ready = uuid.uuid4(), threading.Barrier(4)

    def increment(session: Session) -> None:
        session.get_one(Register, "x").value += 1

    def run() -> None:
        with request(key):
            ready.wait()
            transactor.write(increment)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value_of(transactor) == 1


def test_what_a_request_does_twice_is_done_twice(transactor: Transactor) -> None:
    def increment(session: Session) -> None:
        session.get_one(Register, "x").value += 1

    with request():
        transactor.write(increment)
        transactor.write(increment)
    assert value_of(transactor) == 2


def test_a_unit_that_failed_may_be_tried_again_by_its_request(transactor: Transactor) -> None:
    def refuse(session: Session) -> None:
        session.get_one(Register, "x").value = 7
        raise ValueError

    with request() as key:
        with pytest.raises(ValueError):  # noqa: PT011 - it is the test's own
            transactor.write(refuse)
        assert value_of(transactor) == 0
    with request(key):
        transactor.write(store(8))
    assert value_of(transactor) == 8


def test_old_names_are_forgotten_and_young_ones_kept(transactor: Transactor) -> None:
    for value in (1, 2):
        with request():
            transactor.write(store(value))
    with transactor.engine.begin() as connection:
        first = connection.scalar(sa.select(COMMITTED.c.unit).limit(1))
        connection.execute(
            sa.update(COMMITTED)
            .where(COMMITTED.c.unit == first)
            .values(committed_at=COMMITTED.c.committed_at - REMEMBERED_SECONDS - 5)
        )
        forget_old(connection)
        assert connection.scalar(sa.select(sa.func.count()).select_from(COMMITTED)) == 1
        assert connection.scalar(sa.select(COMMITTED.c.unit)) != first

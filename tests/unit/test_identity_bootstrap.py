"""The first data: repeated, at the same time, and after people have changed things."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.identity.bootstrap import FirstData, bootstrap
from services.identity.models import Assignment, Base, Endpoint, Password, Project, Role, TokenKey, User
from services.identity.settings import IdentitySettings
from services.platform.database import Transactor

CHEAP = IdentitySettings(argon2_time_cost=1, argon2_memory_kib=64)
DATA = FirstData.of_region(
    "region-one",
    admin_password="a",
    service_password="s",
    identity=("http://public:5000", "http://internal:5000"),
    image=("http://public:9292", "http://internal:9292"),
    compute=("http://public:8774", "http://internal:8774"),
)


@pytest.fixture
def transactor(tmp_path: Path) -> Iterator[Transactor]:
    made = Transactor(f"sqlite:///{tmp_path}/db.sqlite")
    Base.metadata.create_all(made.engine)
    yield made
    made.close()


def contents(transactor: Transactor) -> dict[str, list[Any]]:
    tables = Base.metadata.sorted_tables

    def read(session: Session) -> dict[str, list[Any]]:
        return {table.name: sorted(map(repr, session.execute(select(table)).all())) for table in tables}

    return transactor.read(read)


def read(transactor: Transactor, work: Callable[[Session], Any]) -> Any:
    return transactor.read(work)


def test_running_it_twice_changes_nothing(transactor: Transactor) -> None:
    bootstrap(transactor, DATA, CHEAP)
    first = contents(transactor)
    bootstrap(transactor, replace(DATA, admin_password="other", service_password="other"), CHEAP)
    assert contents(transactor) == first


def test_several_runs_at_once_come_to_one(transactor: Transactor) -> None:
    threads = [threading.Thread(target=bootstrap, args=(transactor, DATA, CHEAP)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = {
        model: read(transactor, lambda session, model=model: session.scalar(select(func.count()).select_from(model)))
        for model in (User, Project, Role, Endpoint, TokenKey, Password, Assignment)
    }
    assert counts == {User: 6, Project: 2, Role: 6, Endpoint: 9, TokenKey: 2, Password: 6, Assignment: 12}


def test_addresses_follow_the_settings(transactor: Transactor) -> None:
    bootstrap(transactor, DATA, CHEAP)
    moved = FirstData.of_region(
        "region-one",
        admin_password="a",
        service_password="s",
        identity=("http://moved:5000", "http://internal:5000"),
        image=("http://public:9292", "http://internal:9292"),
        compute=("http://public:8774", "http://internal:8774"),
    )
    bootstrap(transactor, moved, CHEAP)
    urls = read(transactor, lambda session: set(session.scalars(select(Endpoint.url))))
    assert "http://moved:5000/v3" in urls
    assert "http://public:5000/v3" not in urls
    assert read(transactor, lambda session: session.scalar(select(func.count()).select_from(Endpoint))) == 9


def test_what_was_lost_is_made_again_and_what_was_changed_is_left(transactor: Transactor) -> None:
    bootstrap(transactor, DATA, CHEAP)

    def meddle(session: Session) -> None:
        session.delete(session.scalars(select(User).where(User.name == "swift")).one())
        session.scalars(select(User).where(User.name == "admin")).one().enabled = False

    transactor.write(meddle)
    bootstrap(transactor, DATA, CHEAP)
    users = read(transactor, lambda session: {user.name: user.enabled for user in session.scalars(select(User))})
    assert users["swift"] is True
    assert users["admin"] is False

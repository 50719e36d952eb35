"""Identity in a region that is cut off, and in one that sees things a moment later than the other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from services.identity.bootstrap import FirstData, bootstrap
from services.identity.login import NOTHING, Wanted, by_password, log_in
from services.identity.models import Assignment, Base, LoginFailures, User
from services.identity.people import Named
from services.identity.settings import IdentitySettings
from services.identity.state import Identity
from services.platform.database import Transactor, no_majority
from services.platform.faults import NotFound, Unauthorized, Unavailable

T = TypeVar("T")

SETTINGS = IdentitySettings(argon2_time_cost=1, argon2_memory_kib=64)
SOMEBODY = Named(name="somebody", domain_id="default")
DATA = FirstData.of_region(
    "region-two",
    admin_password="secret",
    service_password="s",
    identity=("http://public:5000", "http://internal:5000"),
    image=("http://public:9292", "http://internal:9292"),
    compute=("http://public:8774", "http://internal:8774"),
)


class Region(Transactor):
    """A region's way to the shared database: cut off, or behind until it waits for the other region."""

    cut_off = False
    #: What reads see before the wait; run in the transaction of the read, which is rolled back.
    behind: Callable[[Session], Any] | None = None

    def write(self, work: Callable[[Session], T], *, patience: float | None = None) -> T:
        if self.cut_off:
            raise Unavailable(no_majority("identity"))
        return super().write(work, patience=patience)

    def read(self, work: Callable[[Session], T]) -> T:
        if self.behind is None:
            return super().read(work)
        behind = self.behind

        def earlier(session: Session) -> T:
            behind(session)
            return work(session)

        return super().read(earlier)


@pytest.fixture
def region(tmp_path: Path) -> Iterator[Region]:
    made = Region(f"sqlite:///{tmp_path}/identity")
    made.shared = True
    Base.metadata.create_all(made.engine)
    bootstrap(made, DATA, SETTINGS)
    # The administrator's failures are not counted; somebody's are.
    made.write(
        lambda session: session.execute(update(User).where(User.name == "admin").values(name="somebody", options={}))
    )
    yield made
    made.close()


@pytest.fixture
def identity(region: Region) -> Identity:
    return Identity.assemble(SETTINGS, region)


def log_in_with(identity: Identity, password: str) -> str:
    scope = Wanted("project", Named(name="admin", domain_id="default"))
    return log_in(identity, [by_password(identity, SOMEBODY, password)], scope)[0]


def test_a_region_that_is_cut_off_logs_people_in_and_knows_tokens(identity: Identity, region: Region) -> None:
    before = log_in_with(identity, "secret")
    region.cut_off = True
    assert identity.tokens.validate(before).user_name == "somebody"
    assert identity.tokens.validate(log_in_with(identity, "secret")).project_name == "admin"


def test_failures_cannot_be_counted_there_and_that_is_said(
    identity: Identity, region: Region, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Unauthorized):
        log_in_with(identity, "wrong")
    region.cut_off = True
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            with pytest.raises(Unauthorized):
                log_in_with(identity, "wrong")
        assert log_in_with(identity, "secret")
    assert caplog.text.count("one failure of user") == 3
    assert "was not noted: The identity database has no majority" in caplog.text
    assert region.read(lambda session: session.query(LoginFailures).one().count) == 1


def test_a_token_that_the_other_region_has_just_made_possible_is_good_here(identity: Identity, region: Region) -> None:
    token = log_in_with(identity, "secret")
    for missing in (delete(Assignment), update(User).values(enabled=False), update(User).values(token_epoch=-1)):
        region.behind = lambda session, missing=missing: session.execute(missing)
        assert identity.tokens.validate(token).user_name == "somebody"


def test_a_user_or_a_password_of_a_moment_ago_is_known_here(identity: Identity, region: Region) -> None:
    region.behind = lambda session: session.execute(update(User).values(name=User.id))
    assert log_in_with(identity, "secret")
    with pytest.raises(Unauthorized):
        log_in(identity, [by_password(identity, Named(name="nobody", domain_id="default"), "x")], Wanted(None, NOTHING))


def test_one_region_alone_reads_once(identity: Identity, region: Region) -> None:
    token = log_in_with(identity, "secret")
    region.shared = False
    region.behind = lambda session: session.execute(delete(Assignment))
    with pytest.raises(NotFound):
        identity.tokens.find(token)

"""The running lab for tests that break it, and the report that they leave in `var/`."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lab.errors import LabError
from lab.exercises import course
from lab.exercises.catalogue import JOURNAL, WORK
from lab.exercises.journal import Journal
from lab.exercises.standing import current
from lab.paths import VAR
from tests.lab import report
from tests.lab.power import quorate_up
from tests.lab.record import Record
from tests.lab.region import MOST, Region, open_region, open_regions
from tests.lab.second_try import SecondTry
from tests.lab.short_form import HELD, selected

RECORDS = pytest.StashKey[list[Record]]()
TIMEOUT = 450


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("lab")
    group.addoption("--runs", type=int, default=int(os.environ.get("QUORATE_RUNS", "1")), help="Runs of each fault.")
    group.addoption("--short", action="store_true", help="Of faults that say the same, one; as CI does.")
    group.addoption("--second-try", action="store_true", help="Three that are late are tried again; as CI does.")
    group.addoption("--as-found", action="store_true", help="Take the lab as it runs; do not bring it up first.")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RECORDS] = []
    config.pluginmanager.register(AtOnce(config), "lab-failures-at-once")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "run" in metafunc.fixturenames:
        metafunc.parametrize("run", range(metafunc.config.getoption("--runs")), ids=lambda number: f"run{number + 1}")


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.config.getoption("--second-try") and terminal is not None:
        session.config.pluginmanager.register(SecondTry(terminal), "lab-second-try")


class AtOnce:
    """Prints a failure when it happens: whoever ends a run that takes an hour still sees why."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A part of a test is over."""
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if report.failed and terminal is not None:
            terminal.write_line(f"\n{report.nodeid}, {report.when}:\n{report.longreprtext}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--short"):
        items[:], left_out = selected(items)
        config.hook.pytest_deselected(items=left_out)
    slow = min(slowness(), MOST)
    for item in items:
        if {"region", "regions"}.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.docker)
            item.add_marker(pytest.mark.timeout(TIMEOUT * slow))


def slowness() -> float:
    """The one multiplier of all times for slow machines."""
    return float(os.environ.get("QUORATE_SLOW", "1"))


@pytest.fixture(scope="session")
def region(request: pytest.FixtureRequest) -> Iterator[Region]:
    """One region of the lab, up and whole."""
    slow = slowness()
    if not request.config.getoption("--as-found"):
        _bring_up(slow)
    with open_region(slow) as found:
        found.heal()
        found.wait_redundant(120)
        yield found
        found.heal()


@pytest.fixture(scope="session")
def regions(region: Region) -> Iterator[tuple[Region, Region]]:
    """Both regions, up and whole."""
    if region.topology.regions < 2:
        reason = "this lab has one region"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}, and CI wants these tests run")
        pytest.skip(reason)
    with open_regions(slowness()) as both:
        both[1].wait_redundant(120)
        yield both


@pytest.fixture
def own_course(region: Region) -> Iterator[None]:
    """A student's journal and files of our own; whatever is there is kept aside, and the lab is whole afterwards."""
    with _course_of_our_own():
        yield


@pytest.fixture(scope="module")
def one_course(region: Region) -> Iterator[None]:
    """The same for all tests of a file: one student goes from stage to stage."""
    with _course_of_our_own():
        yield


@contextmanager
def _course_of_our_own() -> Iterator[None]:
    aside = VAR / "exercises-aside"
    shutil.rmtree(aside, ignore_errors=True)
    for path in (JOURNAL.parent, WORK):
        if path.exists():
            aside.mkdir(exist_ok=True)
            path.rename(aside / path.name)
    yield
    if current(Journal(JOURNAL).entries) is not None:
        course.stop(lambda sentence: None)
    for path in (JOURNAL.parent, WORK):
        shutil.rmtree(path, ignore_errors=True)
        if (aside / path.name).exists():
            (aside / path.name).rename(path)


@pytest.fixture
def longest(request: pytest.FixtureRequest) -> float:
    """How long something is left broken at most, in seconds."""
    return HELD if request.config.getoption("--short") else float("inf")


@pytest.fixture
def records(request: pytest.FixtureRequest) -> Iterator[list[Record]]:
    """Where a test puts what it measured; the report is made of it anew after each."""
    records = request.config.stash[RECORDS]
    yield records
    if records:
        report.write(VAR, records, slowness())


def _bring_up(slow: float) -> None:
    from lab.commands import succeeds

    if not succeeds(["docker", "info"]):
        reason = "there is no Docker engine here"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}, and CI wants these tests run")
        pytest.skip(reason)
    try:
        quorate_up(600 * slow)
    except LabError as error:
        pytest.fail(error.message)

"""A second try for what came too late on a machine that other people use, too.

Only a time that was missed is tried again: what is lost, wrong or not there fails at once, every time. The first
failure is printed whole, and the summary names every test that needed two. Three tests have a second try in one run, no
more: where more are late, it is not the noise.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from _pytest.runner import runtestprotocol

MOST = 3


class Late(AssertionError):
    """Something took longer than it may; nothing else was wrong."""


LATE = (Late, TimeoutError, subprocess.TimeoutExpired)


class SecondTry:
    """Runs a test that was late once more."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self._terminal = terminal
        self._tried: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[pytest.TestReport]:
        """Notes in the report whether the failure was one of time."""
        report = yield
        report.late = call.excinfo is not None and call.excinfo.errisinstance(LATE)  # type: ignore[attr-defined]
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """In place of pytest's own protocol, as long as there are second tries left."""
        if len(self._tried) >= MOST:
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        failed = [report for report in reports if report.failed]
        if failed and all(report.late for report in failed):  # type: ignore[attr-defined]
            self._tried.append(item.nodeid)
            for report in failed:
                self._terminal.write_line(f"\n{item.nodeid}, {report.when}, is tried again:\n{report.longreprtext}")
            item._initrequest()  # type: ignore[attr-defined]
            reports = runtestprotocol(item, log=False, nextitem=nextitem)
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def pytest_terminal_summary(self) -> None:
        """Who needed two."""
        for nodeid in self._tried:
            self._terminal.write_line(f"tried twice: {nodeid}")

"""A second try for tests on machines that other people use, too: noise passes, a defect does not.

The first failure is printed whole, and the summary names every test that needed two. Three tests have a second try in
one run, no more: where more fail, it is not the noise.
"""

from __future__ import annotations

import pytest
from _pytest.runner import runtestprotocol

MOST = 3


class SecondTry:
    """Runs a test that failed once more."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self._terminal = terminal
        self._tried: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """In place of pytest's own protocol, as long as there are second tries left."""
        if len(self._tried) >= MOST:
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        failed = [report for report in reports if report.failed]
        if failed:
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

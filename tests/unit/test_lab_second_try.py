"""What the lab's tests are given a second try for: a time that was missed, and nothing else."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

CONFTEST = """
import pytest
from tests.lab.second_try import SecondTry

@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session):
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    session.config.pluginmanager.register(SecondTry(terminal))
"""
TESTS = """
import pytest
from tests.lab.second_try import Late

TRIES = {}

@pytest.mark.parametrize("error", [Late, TimeoutError])
def test_late_once(error):
    TRIES[error] = TRIES.get(error, 0) + 1
    if TRIES[error] == 1:
        raise error("too late")

def test_wrong_once():
    TRIES["wrong"] = TRIES.get("wrong", 0) + 1
    assert TRIES["wrong"] > 1

def test_late_twice():
    raise Late("too late again")

def test_late_when_there_are_no_tries_left():
    TRIES["left"] = TRIES.get("left", 0) + 1
    if TRIES["left"] == 1:
        raise Late("too late")
"""


def test_only_what_was_late_is_tried_again_and_three_times_at_most(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=2, failed=3)
    said = result.stdout.str()
    assert said.count("tried twice:") == 3
    assert "tried twice: test_only_what_was_late_is_tried_again_and_three_times_at_most.py::test_wrong_once" not in said
    assert "too late" in said

"""A Tempest run counts as passed only when every listed test was seen to succeed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def tempest_run() -> ModuleType:
    path = Path(__file__).parents[1] / "tempest" / "tempest_run.py"
    spec = importlib.util.spec_from_file_location("tempest_run", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["tempest_run"] = module
    spec.loader.exec_module(module)
    return module


def test_all_listed_and_all_successful_is_good(tempest_run: ModuleType) -> None:
    assert tempest_run.judge(["a", "b"], {"a": "success", "b": "success"}).good


@pytest.mark.parametrize(
    "statuses",
    [
        {"a": "success"},
        {"a": "success", "b": "fail"},
        {"a": "success", "b": "skip"},
        {"a": "success", "setUpClass (B)": "skip"},
        {"a": "success", "b": "success", "setUpClass (C)": "fail"},
        {"a": "success", "b": "success", "c": "skip"},
        {},
    ],
)
def test_anything_less_is_not(tempest_run: ModuleType, statuses: dict[str, str]) -> None:
    assert not tempest_run.judge(["a", "b"], statuses).good


def test_a_skip_that_is_allowed_is_no_success_but_no_failure_either(tempest_run: ModuleType) -> None:
    verdict = tempest_run.judge(["a", "b"], {"a": "success", "b": "skip"}, ["b"])
    assert verdict.good
    assert verdict.passed == ("a",)


def test_the_frozen_list_is_whole(tempest_run: ModuleType) -> None:
    listed = tempest_run.read_list(tempest_run.LOAD_LIST)
    assert len(listed) == len(set(listed))
    assert len(tempest_run.select(listed, {"image"})) == 38
    assert len(tempest_run.select(listed, set())) == 15
    assert tempest_run.read_list(tempest_run.ALLOWED_SKIPS) == []

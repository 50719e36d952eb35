"""Compose is asked once more where the engine refused something, and not for ever."""

from pathlib import Path

import pytest

from lab import compose
from lab.errors import StepFailedError
from lab.topology import Topology

#: Counts its calls, and fails as many times as it is told.
DOCKER = """#!/bin/sh
echo "$COMPOSE_PARALLEL_LIMIT" >> {calls}
[ "$(wc -l < {calls})" -gt {failures} ] || {{ echo "Error response from daemon: Invalid address"; exit 1; }}
"""


def calls_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int) -> Path:
    calls = tmp_path / "calls"
    program = tmp_path / "docker"
    program.write_text(DOCKER.format(calls=calls, failures=failures))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return calls


def test_what_the_engine_refused_is_tried_again(tmp_path, monkeypatch):
    calls = calls_of(tmp_path, monkeypatch, failures=1)
    told: list[str] = []
    compose.up(Topology("demo", "10.100.0", 20000), "haproxy", told.append)
    assert calls.read_text().split() == [str(compose.AT_ONCE)] * 2
    assert any(line.startswith("once more") and "Invalid address" in line for line in told)


def test_what_fails_twice_is_an_error(tmp_path, monkeypatch):
    calls = calls_of(tmp_path, monkeypatch, failures=2)
    with pytest.raises(StepFailedError, match="failed"):
        compose.up(Topology("demo", "10.100.0", 20000), "haproxy", lambda line: None)
    assert len(calls.read_text().split()) == 2

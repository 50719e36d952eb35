"""What `docker compose` is told of a site."""

from pathlib import Path

import pytest

from lab import compose, envfile
from lab.topology import Topology


def test_what_the_shell_has_under_the_same_names_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\necho "regions $REGIONS subnet $SUBNET home $HOME"\n')
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("REGIONS", "")
    monkeypatch.setenv("SUBNET", "192.168.1.0/24")
    file = tmp_path / "one.env"
    envfile.write(file, {"REGIONS": "2", "SUBNET": "10.150.2"})
    monkeypatch.setattr(compose, "env_file", lambda site: file)
    said: list[str] = []
    compose.up(Topology("course-7", "10.150.2", 21000, regions=2), "haproxy", said.append)
    assert said == ["regions 2 subnet 10.150.2 home /home/ada"]

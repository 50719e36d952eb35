"""Fixtures and options. Nothing of the cloud is imported before a test asks for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from quorate_pytest.cloud import Cloud
    from quorate_pytest.faults import Faults
    from quorate_pytest.project import Project

VARIABLE = "QUORATE_CLOUD"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--quorate-cloud`."""
    parser.getgroup("quorate").addoption(
        "--quorate-cloud",
        metavar="NAME",
        help=f"an entry of clouds.yaml to test against instead of an embedded cloud (also ${VARIABLE})",
    )


@pytest.fixture(scope="session")
def quorate_cloud(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The cloud under test: embedded, or the one named with `--quorate-cloud`."""
    from quorate_pytest.cloud import embedded, named

    name = request.config.getoption("--quorate-cloud") or os.environ.get(VARIABLE)
    with _in_one_line():
        if name:
            cloud = named(name)
            yield cloud
            cloud.close()
        else:
            with embedded(tmp_path_factory.mktemp("quorate") / "log") as cloud:
                yield cloud
                cloud.close()


@pytest.fixture
def quorate_project(quorate_cloud: Cloud) -> Iterator[Project]:
    """A fresh project with a member; removed after the test with all that it owns."""
    from quorate_pytest.project import new_project

    with _in_one_line(), new_project(quorate_cloud) as project:
        yield project


@pytest.fixture
def quorate_clouds_file(
    quorate_cloud: Cloud, quorate_project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A clouds.yaml with `admin` and `project`, which `openstack.connect` and subprocesses find by themselves."""
    from lab import clouds

    path = tmp_path / "clouds.yaml"
    clouds.put(path, quorate_cloud.cloud_config, "admin")
    clouds.put(path, quorate_project.cloud_config, "project")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(path))
    return path


@pytest.fixture
def quorate_faults(request: pytest.FixtureRequest, quorate_cloud: Cloud) -> Iterator[Faults]:
    """Faults of the running lab, healed after the test; skips where there is no lab."""
    from quorate_pytest.faults import obstacle, until_healed

    if reason := obstacle(quorate_cloud):
        pytest.skip(f"quorate_faults needs the running lab: {reason}")
    if "quorate_project" in request.fixturenames:
        request.getfixturevalue("quorate_project")  # before this one, so that it is removed from a healed lab
    with _in_one_line(), until_healed() as faults:
        yield faults


@contextmanager
def _in_one_line() -> Iterator[None]:
    """What a person can act on is told without a traceback."""
    from lab.errors import LabError
    from quorate_pytest.cloud import NoCloudError
    from quorate_pytest.sweep import LeftOverError

    try:
        yield
        return
    except (LabError, NoCloudError, LeftOverError) as error:
        message = str(error)
    pytest.fail(message, pytrace=False)

"""The cloud that tests are run against: started here, or an entry of clouds.yaml named with `--cloud`."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    # Imported where they are used: unit tests need not wait for the SDK.
    from openstack.connection import Connection

    from tests.cloud import Cloud, Raw


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cloud", default=None, help="run against this entry of clouds.yaml instead of an embedded cloud")


def pytest_configure(config: pytest.Config) -> None:
    # The SDK warns of its own future, also about what it does itself; that is no fault of ours.
    for name in ("OpenStackDeprecationWarning", "RemovedInSDK50Warning", "RemovedInSDK60Warning"):
        config.addinivalue_line("filterwarnings", f"ignore::openstack.warnings.{name}")


@pytest.fixture(scope="session")
def cloud(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    from tests.cloud import embedded, named

    name = request.config.getoption("--cloud")
    if name is not None:
        yield named(name)
        return
    yield from embedded(tmp_path_factory.mktemp("cloud"))


@pytest.fixture(scope="session")
def admin(cloud: Cloud) -> Iterator[Connection]:
    connection = cloud.connect()
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def image(admin: Connection) -> str:
    """The id of an active image of a few bytes that everybody may use."""
    made = admin.image.create_image(
        name=f"tiny-{uuid.uuid4().hex[:6]}",
        data=b"not much",
        disk_format="raw",
        container_format="bare",
        visibility="public",
    )
    return str(made.id)


@pytest.fixture
def compute(cloud: Cloud, admin: Connection) -> Raw:
    """Raw requests to compute, as the administrator."""
    from tests.cloud import Raw

    return Raw(cloud.url_of("compute"), admin.auth_token)

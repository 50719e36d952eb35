"""The cloud under test: embedded, made for this run of pytest, or an entry of clouds.yaml."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quorate_pytest.access import Access

if TYPE_CHECKING:
    from openstack.connection import Connection


class NoCloudError(Exception):
    """There is no such cloud; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Cloud(Access):
    """A cloud, with its administrator's way in."""

    name: str
    regions: tuple[str, ...]
    is_embedded: bool

    @cached_property
    def admin(self) -> Connection:
        """One administrator's connection for the whole run."""
        return self.connect()


@contextmanager
def embedded(log: Path) -> Iterator[Cloud]:
    """A cloud of its own in a process of its own, on free ports of loopback; it and its data end with the context."""
    from lab import clouds
    from lab.dev import embedded_cloud
    from lab.errors import LabError

    environment = {**os.environ, "QUORATE_BASE_PORT": "0", "QUORATE_STATE_DIR": ""}
    context = embedded_cloud(environment, log)
    try:
        where, _ = context.__enter__()
    except LabError as error:
        raise NoCloudError(error.message) from error
    try:
        entry = clouds.entry(where["urls"]["identity"], where["region"], where["admin_password"])
        yield _cloud("embedded", entry, where["region"], is_embedded=True)
    finally:
        context.__exit__(None, None, None)


def named(name: str) -> Cloud:
    """The cloud that clouds.yaml has under this name; the lab's own file is read where none of the usual has it."""
    from openstack.config import OpenStackConfig
    from openstack.exceptions import ConfigException

    from lab.paths import CLOUDS_FILE

    for found in (OpenStackConfig(), OpenStackConfig([str(CLOUDS_FILE)])):
        if name in (known := found.cloud_config["clouds"]):
            break
    else:
        raise NoCloudError(f"No clouds.yaml, nor {CLOUDS_FILE}, has a cloud {name!r}; `make up` writes `quorate`.")
    try:
        region = found.get_one(cloud=name).region_name
    except ConfigException as error:
        raise NoCloudError(f"The cloud {name!r} of clouds.yaml cannot be used: {error}") from error
    return _cloud(name, copy.deepcopy(known[name]), region, is_embedded=False)


def _cloud(name: str, entry: dict[str, Any], region: str, *, is_embedded: bool) -> Cloud:
    listed = [each["name"] if isinstance(each, dict) else each for each in entry.get("regions", [])]
    return Cloud(
        name=name, cloud_config=entry, region=region, regions=tuple(listed or [region]), is_embedded=is_embedded
    )

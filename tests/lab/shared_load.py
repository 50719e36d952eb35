"""A load on what the regions share, in each region at once: users, projects, images with data, objects."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from tests.lab.client import Client, Login, read
from tests.lab.history import History, Outcome
from tests.lab.pace import Pace
from tests.lab.region import Region
from tests.lab.tenant import Tenant

SECONDS = 0.8  # of two processors it takes a tenth; what is measured is the cloud, not how busy its only machine is
DATA_BYTES, OBJECT_BYTES = 64 * 1024, 4096
#: A client in a region that is lost learns it quickly and goes on asking.
PATIENCE, TIMEOUT = 1.0, 8.0
#: Of the objects of one region, every so many-th is deleted a few steps later.
DELETED, STEPS_LATER = 5, 4


class SharedLoad:
    """Three walks in each region, all in one history; every name begins with the tenant's prefix and is used once."""

    def __init__(self, regions: Sequence[Region], tenant: Tenant, history: History) -> None:
        self._regions, self._tenant, self._history = regions, tenant, history
        self._stack = ExitStack()

    @property
    def container(self) -> str:
        """Where the objects are: a path under the service's root."""
        return container_of(self._tenant)

    def __enter__(self) -> Self:
        pace = Pace()
        for region in self._regions:
            admin = self._stack.enter_context(Client(region.admin, self._history))
            member = self._stack.enter_context(Client(login_at(region, self._tenant), self._history))
            for client in (admin, member):
                client.log_in()
            made = member.ask("PUT", "object", self.container)
            assert made.outcome is Outcome.OK, made
            walk = Walk(region.topology.site, self._tenant, admin, member)
            for step in (walk.identity, walk.image, walk.object):
                pace.every(SECONDS, step)
        self._stack.enter_context(pace)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, at)


class Walk:
    """What the clients of one region do, step by step."""

    def __init__(self, site: str, tenant: Tenant, admin: Client, member: Client) -> None:
        self._site, self._tenant, self._admin, self._member = site, tenant, admin, member

    def _name(self, noun: str, number: int) -> str:
        return f"{self._tenant.prefix}-{self._site}-{noun}-{number}"

    def identity(self, number: int) -> None:
        """A user or a project; some are deleted again."""
        noun = ("user", "project")[number % 2]
        name, kind = self._name(noun, number), f"{noun}s"
        wanted = {noun: {"name": name}}
        made = self._admin.do(
            f"create {noun}", "POST", "identity", f"/v3/{kind}", wanted,
            name=name, ids=f"{noun}.id", timeout=TIMEOUT, patience=PATIENCE,
        )  # fmt: skip
        if made.outcome is Outcome.OK and number % 6 == 0:
            row = read(made.json(), f"{noun}.id")
            path = f"/v3/{kind}/{row}"
            self._admin.do(f"delete {noun}", "DELETE", "identity", path, ids=(row,), timeout=TIMEOUT)

    def image(self, number: int) -> None:
        """An image with data."""
        name = self._name("image", number)
        wanted = {"name": name, "disk_format": "raw", "container_format": "bare"}
        made = self._member.do(
            "create image", "POST", "image", "/v2/images", wanted, name=name, ids="id", timeout=TIMEOUT
        )
        if made.outcome is Outcome.OK:
            row, data = read(made.json(), "id"), os.urandom(DATA_BYTES)
            facts = {"checksum": hashlib.sha256(data).hexdigest()}
            path = f"/v2/images/{row}/file"
            self._member.do("upload image", "PUT", "image", path, data, ids=(row,), facts=facts, timeout=TIMEOUT)

    def object(self, number: int) -> None:
        """An object; some are deleted a few steps later."""
        name, data = self._name("object", number), os.urandom(OBJECT_BYTES)
        path = f"{container_of(self._tenant)}/{name}"
        facts = {"checksum": hashlib.md5(data, usedforsecurity=False).hexdigest()}
        self._member.do("put object", "PUT", "object", path, data, name=name, facts=facts, timeout=TIMEOUT)
        if number >= STEPS_LATER and number % DELETED == 0:
            old = self._name("object", number - STEPS_LATER)
            path = f"{container_of(self._tenant)}/{old}"
            self._member.do("delete object", "DELETE", "object", path, name=old, timeout=TIMEOUT)


def remove_objects(region: Region, tenant: Tenant) -> None:
    """Delete what the load put into object storage: nobody else would."""
    path = container_of(tenant)
    with Client(login_at(region, tenant)) as member:
        member.log_in()
        while (listed := member.ask("GET", "object", f"{path}?limit=1000")).status == 200:
            for name in listed.data.decode().split():
                member.ask("DELETE", "object", f"{path}/{name}")
        member.ask("DELETE", "object", path)


def container_of(tenant: Tenant) -> str:
    """The tenant's container: a path under the service's root."""
    return f"/v1/AUTH_{tenant.project}/{tenant.prefix}"


def login_at(region: Region, tenant: Tenant) -> Login:
    """The tenant's way into one region."""
    return Login(region.urls, tenant.login.user, tenant.login.password, tenant.login.project)

"""A load of real requests, modest enough for two cores: what people do with identity, image and compute all day."""

import hashlib
import os
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from tests.lab.client import Client, read
from tests.lab.history import History, Outcome
from tests.lab.pace import Pace
from tests.lab.region import Region
from tests.lab.tenant import FLAVOR, Tenant

SECONDS = 0.4  # between two steps of one walk; a step is one to four requests
DATA_BYTES = 64 * 1024
SERVERS_KEPT = 6


class Load:
    """Four walks at once, each with its own client, all in one history."""

    def __init__(self, region: Region, tenant: Tenant, history: History) -> None:
        self._region, self._tenant, self._history = region, tenant, history
        self._servers: list[str] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        admin = self._stack.enter_context(Client(self._region.admin, self._history))
        admin.log_in()
        clients = [self._stack.enter_context(self._tenant.client(self._history)) for _ in range(3)]
        pace = Pace()
        pace.every(SECONDS, lambda number: self._identity(admin, number))
        pace.every(SECONDS, lambda number: self._image(clients[0], number))
        pace.every(SECONDS / 2, lambda number: self._look(clients[1], number))
        pace.every(SECONDS * 2, lambda number: self._server(clients[2], number))
        self._stack.enter_context(pace)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, at)

    def _name(self, noun: str, number: int) -> str:
        return f"{self._tenant.prefix}-{noun}-{number}"

    def _identity(self, admin: Client, number: int) -> None:
        admin.do("issue token", "POST", "identity", "/v3/auth/tokens", self._tenant.login.body())
        noun = ("user", "project")[number % 2]
        wanted = {noun: {"name": self._name(noun, number)}}
        made = admin.do(
            f"create {noun}", "POST", "identity", f"/v3/{noun}s", wanted, name=wanted[noun]["name"], ids=f"{noun}.id"
        )
        if made.outcome is not Outcome.OK:
            return
        row = read(made.json(), f"{noun}.id")
        admin.do(f"show {noun}", "GET", "identity", f"/v3/{noun}s/{row}")
        if number % 6 == 0:
            admin.do(f"delete {noun}", "DELETE", "identity", f"/v3/{noun}s/{row}", ids=(row,))

    def _image(self, client: Client, number: int) -> None:
        name = self._name("image", number)
        wanted = {"name": name, "disk_format": "raw", "container_format": "bare"}
        made = client.do("create image", "POST", "image", "/v2/images", wanted, name=name, ids="id")
        if made.outcome is Outcome.OK:
            row, data = read(made.json(), "id"), os.urandom(DATA_BYTES)
            facts = {"checksum": hashlib.sha256(data).hexdigest()}
            path = f"/v2/images/{row}/file"
            sent = client.do("upload image", "PUT", "image", path, data, ids=(row,), facts=facts)
            if sent.outcome is Outcome.OK:
                client.do("download image", "GET", "image", path)
        client.do("list images", "GET", "image", f"/v2/images?owner={self._tenant.project}&limit=20")

    def _look(self, client: Client, number: int) -> None:
        match number % 3:
            case 0:
                client.do("list servers", "GET", "compute", "/v2.1/servers/detail?limit=20")
            case 1:
                client.do("list flavors", "GET", "compute", "/v2.1/flavors/detail")
            case _:
                client.do("show flavor", "GET", "compute", f"/v2.1/flavors/{FLAVOR}")

    def _server(self, client: Client, number: int) -> None:
        name = self._name("server", number)
        made = create_server(client, self._tenant, name)
        if made is None:
            return
        client.do("show server", "GET", "compute", f"/v2.1/servers/{made}")
        self._servers.append(made)
        if len(self._servers) > SERVERS_KEPT:
            row = self._servers.pop(0)
            client.do("delete server", "DELETE", "compute", f"/v2.1/servers/{row}", ids=(row,))


def create_server(client: Client, tenant: Tenant, name: str) -> str | None:
    """Ask for a server; its id if it was accepted."""
    wanted = tenant.server(name)
    made = client.do("create server", "POST", "compute", "/v2.1/servers", wanted, name=name, ids="server.id")
    return read(made.json(), "server.id") if made.outcome is Outcome.OK else None

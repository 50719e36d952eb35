"""Object storage as a person uses it: python-swiftclient, and requests as they are."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
import swiftclient
import urllib3
from conftest import Cloud
from openstack.connection import Connection


class Objects:
    """One person's account."""

    def __init__(self, cloud: Cloud, person: Connection) -> None:
        self.cloud, self.person = cloud, person
        where = {"service_type": "object-store", "interface": "public", "region_name": cloud.region}
        self.url: str = person.session.get_endpoint(**where)
        self.client = swiftclient.Connection(preauthurl=self.url, preauthtoken=person.auth_token, retries=0)
        self._pool = urllib3.PoolManager(retries=False, timeout=60)

    def new_container(self, **headers: str) -> str:
        """A container with headers given as `x_container_read=…`."""
        name = f"c-{uuid.uuid4().hex[:8]}"
        self.client.put_container(name, {key.replace("_", "-"): value for key, value in headers.items()})
        return name

    def names(self, container: str) -> list[str]:
        """What the container lists."""
        return [entry["name"] for entry in self.client.get_container(container)[1]]

    def request(
        self, method: str, path: str, body: bytes = b"", *, token: str | None = None, **headers: str
    ) -> urllib3.BaseHTTPResponse:
        """A request to the account as it is; without the person's token if `token` is empty."""
        sent = {key.replace("_", "-"): value for key, value in headers.items()}
        shown = self.person.auth_token if token is None else token
        return self._pool.request(
            method, f"{self.url}{path}", body=body, headers=sent | ({"X-Auth-Token": shown} if shown else {})
        )

    def swift(self, *words: str, cwd: Path) -> str:
        """The `swift` command."""
        environment = {**os.environ, "OS_STORAGE_URL": self.url, "OS_AUTH_TOKEN": self.person.auth_token}
        command = [str(Path(sys.executable).parent / "swift"), *words]
        done = subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout


def objects_of(cloud: Cloud, person: Connection | None = None, role: str = "member") -> Objects:
    """The account of `person`, or of a new one; skips the test where there is no object storage."""
    services = [service.type for service in cloud.connect().identity.services()]
    if "object-store" not in services:
        pytest.skip("this cloud has no object storage: Swift runs in containers only (--cloud quorate)")
    return Objects(cloud, person or cloud.new_user(role))


def eventually(is_so: Callable[[], bool], seconds: float) -> None:
    """Wait for what Swift's daemons do in their own time."""
    give_up = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < give_up, f"not so after {seconds} s"
        time.sleep(0.3)

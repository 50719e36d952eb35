"""A cloud under test: one of the tests' own, in a process, or an entry of clouds.yaml."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openstack
import openstack.config
import openstack.connection
import urllib3

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Cloud:
    """Where a cloud is and who administers it; `ours`: it was made for these tests."""

    auth_url: str
    region: str
    username: str
    password: str
    project: str
    domain: str
    ours: bool

    @property
    def root(self) -> str:
        """Identity's address without `/v3`."""
        return self.auth_url.removesuffix("/v3")

    def connect(self, **other: str | None) -> openstack.connection.Connection:
        """A connection as the administrator, or with `other` values of authentication; None takes one away."""
        auth: dict[str, str | None] = {
            "auth_url": self.auth_url,
            "username": self.username,
            "password": self.password,
            "project_name": self.project,
            "user_domain_name": self.domain,
            "project_domain_name": self.domain,
        }
        auth |= other
        kept = {name: value for name, value in auth.items() if value is not None}
        auth_type = "v3applicationcredential" if "application_credential_id" in kept else "v3password"
        return openstack.connect(
            load_yaml_config=False, load_envvars=False, region_name=self.region, auth=kept, auth_type=auth_type
        )

    def new_user(self, role: str = "member") -> openstack.connection.Connection:
        """A connection of a new user with `role` on a new project."""
        admin, name = self.connect(), f"user-{uuid.uuid4().hex[:8]}"
        project = admin.identity.create_project(name=name, domain_id="default")
        user = admin.identity.create_user(name=name, password=name, domain_id="default")
        found = admin.identity.find_role(role, ignore_missing=False)
        admin.identity.assign_project_role_to_user(project, user, found)
        return self.connect(username=name, password=name, project_name=name)

    def url_of(self, service_type: str) -> str:
        """The public address of a service, without its version."""
        session = self.connect().session
        url: str = session.get_endpoint(service_type=service_type, interface="public", region_name=self.region)
        return "/".join(url.split("/")[:3])


def named(name: str) -> Cloud:
    region = openstack.config.OpenStackConfig().get_one(cloud=name)
    auth = region.config["auth"]
    return Cloud(
        auth_url=auth["auth_url"].rstrip("/"),
        region=region.region_name,
        username=auth["username"],
        password=auth["password"],
        project=auth["project_name"],
        domain=auth.get("user_domain_name", "Default"),
        ours=False,
    )


def embedded(directory: Path) -> Iterator[Cloud]:
    """An embedded cloud in a process of its own, as `make dev` runs it."""
    environment = {**os.environ, "QUORATE_BASE_PORT": "0", "QUORATE_BOOT_SECONDS": "0.02", "QUORATE_LOG_LEVEL": "INFO"}
    log = directory / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.assembly.embedded", "--announce", str(directory / "announcement")],
            cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        announcement = _announced(process, directory / "announcement", log)
        identity = announcement["urls"]["identity"]
        yield Cloud(
            f"{identity}/v3", announcement["region"], "admin", announcement["admin_password"], "admin", "Default",
            ours=True,
        )  # fmt: skip
    finally:
        process.terminate()
        process.wait(20)


def _announced(process: subprocess.Popen[bytes], path: Path, log: Path) -> dict[str, Any]:
    give_up = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None, f"the embedded cloud ended:\n{log.read_text()}"
        assert time.monotonic() < give_up, f"the embedded cloud did not start within a minute:\n{log.read_text()}"
        time.sleep(0.02)
    announcement: dict[str, Any] = json.loads(path.read_text())
    return announcement


class Raw:
    """Requests as they are, without a client that knows better. Answers are urllib3's."""

    def __init__(self, base: str, token: str | None) -> None:
        self._base, self._token = base, token
        self._pool = urllib3.PoolManager(retries=False, timeout=30)

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
    ) -> urllib3.BaseHTTPResponse:
        sent = {"Content-Type": "application/json"} | (headers or {})
        if self._token:
            sent.setdefault("X-Auth-Token", self._token)
        data = raw or (json.dumps(body).encode() if body is not None else None)
        return self._pool.request(method, self._base + path, body=data, headers=sent)

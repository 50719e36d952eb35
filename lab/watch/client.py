"""A watcher's way to the published addresses: each request once, with a deadline, and truly said what became of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from lab import envfile
from lab.paths import ENV_FILE
from lab.registers import Outcome
from lab.topology import Topology

SAFE = frozenset({"GET", "HEAD"})
VERSION = "compute 2.87"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, if anything did."""

    outcome: Outcome
    status: int = 0
    data: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    why: str = ""

    def json(self) -> Any:
        """The body; empty where it is none."""
        try:
            return json.loads(self.data)
        except ValueError:
            return {}


def judged(method: str, status: int) -> Outcome:
    """What an HTTP status says about the effect of a request. Pure."""
    if status < 400:
        return Outcome.OK
    return Outcome.UNKNOWN if status >= 500 and method not in SAFE else Outcome.FAIL


@dataclass(frozen=True)
class Login:
    """Who asks, and where the services are."""

    urls: Mapping[str, str]
    user: str
    password: str
    project: str

    def body(self) -> dict[str, Any]:
        """The request for a token."""
        domain = {"name": "Default"}
        user = {"name": self.user, "domain": domain, "password": self.password}
        identity = {"methods": ["password"], "password": {"user": user}}
        return {"auth": {"identity": identity, "scope": {"project": {"name": self.project, "domain": domain}}}}


def administrator(topology: Topology) -> Login:
    """The login of a region's administrator, by this lab's secrets."""
    return Login(topology.urls, "admin", envfile.read(ENV_FILE)["ADMIN_PASSWORD"], "admin")


class Client:
    """A user's client. Threads may share it; each has a connection of its own then."""

    def __init__(self, login: Login, token: str = "") -> None:
        self.login, self.token = login, token
        self._pool = urllib3.PoolManager(maxsize=16, retries=False)

    def close(self) -> None:
        """Give the connections back."""
        self._pool.clear()

    def log_in(self, seconds: float) -> Answer:
        """Ask for a token, and use it from now on."""
        answer = self.ask("POST", "identity", "/v3/auth/tokens", self.login.body(), seconds=seconds)
        self.token = answer.headers.get("X-Subject-Token", self.token)
        return answer

    def ask(self, method: str, service: str, path: str, body: Any = None, *, seconds: float = 2.0) -> Answer:
        """Send one request, and wait so long for its answer."""
        headers = {"X-Auth-Token": self.token} if self.token else {}
        if service == "compute":
            headers["OpenStack-API-Version"] = VERSION
        if isinstance(body, bytes):
            headers["Content-Type"] = "application/octet-stream"
        elif body is not None:
            headers["Content-Type"], body = "application/json", json.dumps(body)
        limits = urllib3.Timeout(connect=min(seconds, 1.0), read=seconds)
        try:
            got = self._pool.request(
                method, self.login.urls[service] + path, body=body, headers=headers, timeout=limits
            )
        except (ConnectTimeoutError, NewConnectionError) as error:
            return Answer(Outcome.FAIL, why=f"{type(error).__name__}: never sent")
        except (HTTPError, OSError) as error:
            lost = Outcome.FAIL if method in SAFE else Outcome.UNKNOWN
            return Answer(lost, why=type(error).__name__)
        why = "" if got.status < 400 else f"{got.status}: {plain(got.data)}"
        return Answer(judged(method, got.status), got.status, got.data, got.headers, why)


def plain(body: bytes, length: int = 120) -> str:
    """The beginning of an answer in one line, without the tags of a page. Pure."""
    text = re.sub(r"<title>.*?</title>|<[^>]*>", " ", body.decode("utf-8", "replace"), flags=re.DOTALL)
    return " ".join(text.split())[:length]

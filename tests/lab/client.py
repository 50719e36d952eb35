"""A client of the published APIs that repeats what is safe to repeat, and says truly what became of each request."""

import itertools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from lab.watch.client import SAFE, Login, judged
from tests.lab.history import History, Operation, Outcome

PASSING = frozenset({502, 503, 504})
TIMEOUT = 10.0
PATIENCE = 30.0  # for one operation, its repetitions included
PAUSES = (0.02, 0.05, 0.1, 0.2)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, if anything did."""

    outcome: Outcome
    status: int | None = None
    data: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    tries: int = 1
    why: str = ""

    def json(self) -> Any:
        """The body; empty where it is none."""
        try:
            return json.loads(self.data)
        except ValueError:
            return {}


class Client:
    """One user's client, for one thread or several; every operation lands in the history."""

    def __init__(self, login: Login, history: History | None = None, token: str = "") -> None:
        self.login = login
        self.history = History() if history is None else history
        self.token = token
        self._pool = urllib3.PoolManager(maxsize=8, retries=False)
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.clear()

    def ask(
        self,
        method: str,
        service: str,
        path: str,
        body: Any = None,
        *,
        version: str = "2.87",
        patience: float = PATIENCE,
        timeout: float = TIMEOUT,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request, again where that is safe, until patience ends; each try is given `timeout`."""
        sent = {"X-Auth-Token": self.token} if self.token else {}
        if service == "compute":
            sent["OpenStack-API-Version"] = f"compute {version}"
        if isinstance(body, bytes):
            sent["Content-Type"] = "application/octet-stream"
        elif body is not None:
            sent["Content-Type"], body = "application/json", json.dumps(body)
        sent |= dict(headers or {})
        give_up = time.monotonic() + patience
        for tries in itertools.count(1):
            answer = self._once(method, self.login.urls[service] + path, body, sent, tries, timeout)
            passing = answer.status is None or answer.status in PASSING
            if answer.outcome is Outcome.OK or method not in SAFE or not passing or time.monotonic() > give_up:
                return answer
            time.sleep(PAUSES[min(tries, len(PAUSES)) - 1])
        raise AssertionError("unreachable")

    def _once(self, method: str, url: str, body: Any, headers: Mapping[str, str], tries: int, timeout: float) -> Answer:
        limits = urllib3.Timeout(connect=2.0, read=timeout)
        try:
            got = self._pool.request(method, url, body=body, headers=dict(headers), timeout=limits)
        except (ConnectTimeoutError, NewConnectionError) as error:
            return Answer(Outcome.FAIL, tries=tries, why=f"{type(error).__name__}: never sent")
        except (HTTPError, OSError) as error:
            lost = Outcome.FAIL if method in SAFE else Outcome.UNKNOWN
            return Answer(lost, tries=tries, why=f"{type(error).__name__}: {error}"[:200])
        why = "" if got.status < 400 else got.data[:300].decode("utf-8", "replace")
        return Answer(judged(method, got.status), got.status, got.data, got.headers, tries, why)

    def do(
        self,
        kind: str,
        method: str,
        service: str,
        path: str,
        body: Any = None,
        *,
        name: str = "",
        ids: str | tuple[str, ...] = (),
        facts: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Answer:
        """`ask`, remembered. `ids`: those that the request is about, or where its answer names the new row
        (`"server.id"`)."""
        began = time.monotonic()
        answer = self.ask(method, service, path, body, **options)
        if isinstance(ids, str):
            ids = (read(answer.json(), ids),) if answer.outcome is Outcome.OK else ()
        self.history.add(
            Operation(
                kind=kind,
                name=name or f"{kind} {next(self._numbers)}",
                began=began,
                ended=time.monotonic(),
                outcome=answer.outcome,
                is_safe=method in SAFE,
                status=answer.status,
                tries=answer.tries,
                why=answer.why,
                ids=ids,
                facts=facts or {},
            )
        )
        return answer

    def log_in(self) -> None:
        """Get a token, whatever it takes; the one POST that may be repeated, because it leaves nothing behind."""
        give_up = time.monotonic() + 3 * PATIENCE
        while True:
            answer = self.ask("POST", "identity", "/v3/auth/tokens", self.login.body())
            if answer.outcome is Outcome.OK:
                self.token = answer.headers["X-Subject-Token"]
                return
            if time.monotonic() > give_up:
                raise TimeoutError(f"no token for {self.login.user}: {answer.status} {answer.why}")
            time.sleep(PAUSES[-1])


def read(body: Any, path: str) -> str:
    """A value inside an answer, by a dotted path."""
    for step in path.split("."):
        body = body[int(step)] if step.isdigit() else body[step]
    return str(body)

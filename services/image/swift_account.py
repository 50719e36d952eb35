"""The image service's account in Swift, reached through one entrance for each region (their load balancers).

All entrances lead to the same objects: each region's proxies look at the replicas of all regions. The own region's
comes first; another takes over where it is silent, broken, or does not find what has to be there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException
from typing import Final, Protocol, TypeVar
from urllib.parse import quote

import urllib3
from urllib3.exceptions import HTTPError, ProtocolError

from services.image.store import StoreFull
from services.platform.faults import Unavailable
from services.platform.outgoing import http_pool

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Seconds for a connection; for an answer of whatever has little to do; for one that waits for disks.
CONNECT_SECONDS: Final = 0.5
ANSWER_SECONDS: Final = 5.0
STORE_SECONDS: Final = 10.0
#: For how long a request is tried again before its caller hears that the store is away, seconds.
PATIENCE: Final = 15.0
#: How long an entrance that failed comes last, seconds.
SHUNNED_SECONDS: Final = 5.0
#: What a broken exchange may raise, whichever library noticed it.
BROKEN: Final = (OSError, HTTPException, HTTPError)


class NoAnswer(Exception):
    """This entrance cannot do it just now; another, or the same a little later, may."""


class Missing(Exception):
    """This entrance does not find it."""


class OwnToken(Protocol):
    """See `platform.service_token.ServiceToken`."""

    def get(self) -> str: ...

    def project_id(self) -> str: ...

    def forget(self, token: str) -> None: ...


def by_preference(roots: Sequence[str], failed_at: Mapping[str, float], now: float) -> list[str]:
    """The entrances in the order in which to try them: those that failed a moment ago come last. Pure."""
    return sorted(roots, key=lambda root: now - failed_at.get(root, float("-inf")) < SHUNNED_SECONDS)


class Account:
    """Requests to one account. Every method may be called by many threads at once."""

    def __init__(self, roots: Sequence[str], token: OwnToken, *, patience: float = PATIENCE) -> None:
        self.patience = patience
        self._roots, self._token = [root.rstrip("/") for root in roots], token
        self._failed_at: dict[str, float] = {}
        self._pool = http_pool(read_seconds=ANSWER_SECONDS)

    def anywhere(self, work: Callable[[str], T], patience: float = PATIENCE) -> T:
        """What `work(root)` returns for the first entrance where it does not raise NoAnswer or Missing. Each is tried.

        Raises Missing where every entrance said that; Unavailable where none did it within `patience` seconds, and at
        once where one did not find it and another did not answer: it may be there.
        """
        give_up = time.monotonic() + min(patience, self.patience)
        pause = 0.1
        while True:
            missing: Missing | None = None
            trouble: NoAnswer | None = None
            for root in by_preference(self._roots, self._failed_at, time.monotonic()):
                try:
                    return work(root)
                except Missing as error:
                    missing = error
                except NoAnswer as error:
                    trouble = error
                    self.shun(root, error)
            if missing and not trouble:
                raise missing
            if missing or time.monotonic() + pause > give_up:
                raise Unavailable("The object storage cannot be reached just now. Retry in a moment.") from trouble
            time.sleep(pause)
            pause = min(pause * 2, 0.5)

    def shun(self, root: str, why: Exception) -> None:
        """Something was wrong with this entrance: for a while, the others come first."""
        log.info("object storage through %s: %s", root, why)
        self._failed_at[root] = time.monotonic()

    def path(self, container: str = "", name: str = "") -> str:
        """The path of the account, of a container, of an object, without a root."""
        return "/".join([f"/v1/AUTH_{self._token.project_id()}", *(quote(part) for part in (container, name) if part)])

    def ask(
        self,
        method: str,
        path: str,
        *,
        patience: float = PATIENCE,
        body: bytes | None = None,
        seconds: float = ANSWER_SECONDS,
        more: Mapping[str, str] | None = None,
        expected: frozenset[int] = frozenset(),
    ) -> urllib3.BaseHTTPResponse:
        """A request that may be repeated, and its whole answer: a success, or one of the `expected` statuses.

        Raises Missing (404), StoreFull, Unavailable.
        """

        def work(root: str) -> urllib3.BaseHTTPResponse:
            answer = self.at(root, method, path, body=body, seconds=seconds, more=more)
            if answer.status not in expected:
                judge(answer.status)
            return answer

        return self.anywhere(work, patience)

    def at(
        self,
        root: str,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        more: Mapping[str, str] | None = None,
        seconds: float = ANSWER_SECONDS,
        whole: bool = True,
    ) -> urllib3.BaseHTTPResponse:
        """One request through one entrance. Raises NoAnswer where nothing came back.

        A connection may have broken while it was idle (the load balancer's address moved): then it is sent again.
        """
        token = self.token()
        headers = {"X-Auth-Token": token, **(more or {})}
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=seconds)
        for again in (True, False):
            try:
                answer = self._pool.request(
                    method, root + path, body=body, headers=headers, timeout=timeout, retries=False,
                    preload_content=whole, decode_content=False,
                )  # fmt: skip
            except ProtocolError as error:
                self._pool.clear()  # what broke one idle connection broke them all
                if not again:
                    raise NoAnswer(str(error)) from error
            except HTTPError as error:
                raise NoAnswer(str(error)) from error
            else:
                if answer.status == 401:
                    self.refused(token)
                return answer
        raise AssertionError

    def token(self) -> str:
        """What makes a request believed. Raises Unavailable."""
        return self._token.get()

    def refused(self, token: str) -> None:
        """The store did not believe this token: the next attempt needs another."""
        self._token.forget(token)


def judge(status: int) -> None:
    """Return where `status` is a success. Raises Missing, StoreFull, and NoAnswer for what may pass."""
    if status == 404:
        raise Missing
    if status in (413, 507):
        raise StoreFull
    if not 200 <= status < 300:
        raise NoAnswer(f"status {status}")

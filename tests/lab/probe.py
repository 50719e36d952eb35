"""Meters of gaps: how long nobody was served, as clients see it that ask many times a second."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from types import TracebackType
from typing import Self

import urllib3
from urllib3.exceptions import HTTPError

from tests.lab.client import Client, read
from tests.lab.history import History, Outcome
from tests.lab.load import create_server
from tests.lab.pace import Pace
from tests.lab.region import Region, until
from tests.lab.tenant import Tenant

POLL_SECONDS = 0.02
WRITE_SECONDS = 0.03
#: A poll that is not answered by then is given up and repeated.
POLL_TIMEOUT = 0.15
WRITE_TIMEOUT = 2.0
TAGS_PER_IMAGE = 100
SERVERS, LOOK_SECONDS = 4, 0.03


@dataclass(frozen=True, slots=True)
class Gap:
    """The longest time without a success, and when it began."""

    seconds: float
    began: float


def longest_gap(successes: Sequence[float], since: float, until: float) -> Gap:
    """The longest time between two successes that ended between `since` and `until`, both edges included. Pure."""
    inside = [moment for moment in sorted(successes) if since <= moment <= until]
    before = max((moment for moment in successes if moment < since), default=since)
    edges = [before, *inside, until]
    gaps = [Gap(later - earlier, earlier) for earlier, later in pairwise(edges)]
    return max(gaps, key=lambda gap: gap.seconds)


class Meter:
    """One kind of client; `successes` are the moments at which it was served."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.successes: list[float] = []

    def gap(self, since: float, until: float) -> Gap:
        """The longest gap in a window of time."""
        return longest_gap(list(self.successes), since, until)

    def served(self, count: int, since: float) -> bool:
        """Whether it was served so often after a moment."""
        return sum(moment > since for moment in list(self.successes)) >= count


class Polls(Meter):
    """Asks identity for its version every 20 ms, over fresh connections or a pooled one."""

    def __init__(self, region: Region, *, fresh: bool, slow: float) -> None:
        super().__init__("fresh connections" if fresh else "pooled connection")
        self._url = f"{region.urls['identity']}/v3"
        self._headers = {"Connection": "close"} if fresh else {}
        self._pool = urllib3.PoolManager(maxsize=1, retries=False, timeout=POLL_TIMEOUT * slow)

    def start(self, pace: Pace) -> None:
        """Let it poll."""
        pace.every(POLL_SECONDS, self._poll)

    def close(self) -> None:
        """Give the connection back."""
        self._pool.clear()

    def _poll(self, _: int) -> None:
        try:
            answer = self._pool.request("GET", self._url, headers=self._headers)
        except (HTTPError, OSError):
            return
        if answer.status == 200:
            self.successes.append(time.monotonic())


class Writes(Meter):
    """Puts a tag on an image every so many seconds: one small row in the database each, found again by the verdict."""

    def __init__(self, tenant: Tenant, history: History, seconds: float = WRITE_SECONDS) -> None:
        super().__init__("writes")
        self._seconds = seconds
        self._tenant, self._client = tenant, tenant.client(history)
        self._image = ""

    def start(self, pace: Pace) -> None:
        """Let it write."""
        pace.every(lambda: self._seconds, self._write)

    def every(self, seconds: float) -> None:
        """Write at this pace from now on."""
        self._seconds = seconds

    def close(self) -> None:
        """Give the connections back."""
        self._client.__exit__()

    def _write(self, number: int) -> None:
        if number % TAGS_PER_IMAGE == 0 or not self._image:
            wanted = {"name": f"{self._tenant.prefix}-tags-{number}"}
            made = self._client.do(
                "create image", "POST", "image", "/v2/images", wanted, name=wanted["name"], ids="id", timeout=5
            )
            self._image = read(made.json(), "id") if made.outcome is Outcome.OK else ""
            return
        tag = f"t{number}"
        path = f"/v2/images/{self._image}/tags/{tag}"
        done = self._client.do("tag image", "PUT", "image", path, name=tag, ids=(self._image,), timeout=WRITE_TIMEOUT)
        if done.outcome is Outcome.OK:
            self.successes.append(time.monotonic())


class Rounds(Meter):
    """Reboots four servers, each by a thread: API, queue, conductor, queue, agent, queue, conductor, and again."""

    def __init__(self, tenant: Tenant, history: History) -> None:
        super().__init__("RPC")
        self._tenant, self._history = tenant, history
        self._stack = ExitStack()
        self._clients = [self._stack.enter_context(tenant.client(history)) for _ in range(SERVERS)]
        self._servers = [create_server(one, tenant, f"{tenant.prefix}-rpc-{n}") for n, one in enumerate(self._clients)]
        for client, server in zip(self._clients, self._servers, strict=True):
            until(lambda: "" if _is_idle(client, server) else "it is not", 30, "server that is ACTIVE")  # noqa: B023

    def start(self, pace: Pace) -> None:
        """Let it work."""
        for client, server in zip(self._clients, self._servers, strict=True):
            pace.every(LOOK_SECONDS, self._round(client, server))

    def close(self) -> None:
        """Give the connections back."""
        self._stack.close()

    def _round(self, client: Client, server: str | None) -> Callable[[int], None]:
        asked: list[Outcome] = []

        def step(_: int) -> None:
            if not asked:
                path, wanted = f"/v2.1/servers/{server}/action", {"reboot": {"type": "HARD"}}
                asked.append(client.do("reboot server", "POST", "compute", path, wanted, ids=(str(server),)).outcome)
            elif _is_idle(client, server) and asked.pop() is Outcome.OK:
                self.successes.append(time.monotonic())

        return step


def _is_idle(client: Client, server: str | None) -> bool:
    answer = client.ask("GET", "compute", f"/v2.1/servers/{server}")
    if answer.outcome is not Outcome.OK:
        return False
    row = answer.json()["server"]
    return row["OS-EXT-STS:task_state"] is None and row["status"] == "ACTIVE"


class Meters:
    """Several meters that run as long as this is entered."""

    def __init__(self, meters: Sequence[Polls | Writes | Rounds]) -> None:
        self.meters = meters
        self._pace = Pace()
        for meter in meters:
            meter.start(self._pace)

    def __enter__(self) -> Self:
        self._pace.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self._pace.__exit__(kind, error, at)
        finally:
            for meter in self.meters:
                meter.close()

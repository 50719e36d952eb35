"""What a service says of itself, on two paths that monitors ask many times a second.

Answered before anything else looks at the request: of what a service costs that does nothing, a third was the way of
these two questions through all its layers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send


class HealthLayer:
    """Answers `/healthcheck` (200 once the schema is there) and `/healthcheck/database` (200 while it can be read).

    `ready` reads the database and says whether the schema is there; it blocks, and is called in a thread.
    """

    def __init__(self, app: ASGIApp, ready: Callable[[], bool]) -> None:
        self._app = app
        self._answers: dict[str, Callable[[], Awaitable[Response]]] = {
            "/healthcheck": _Health(ready).answer,
            "/healthcheck/database": _DatabaseHealth(ready).answer,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._answers.get(scope["path"]) if scope["type"] == "http" else None
        if answer is None or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        await (await answer())(scope, receive, send)


class _Health:
    """Once ready, a replica stays ready: the database's absence is no reason to take all replicas out at once."""

    def __init__(self, ready: Callable[[], bool]) -> None:
        self._ready, self._was_ready = ready, False

    async def answer(self) -> Response:
        if not self._was_ready:
            self._was_ready = await run_in_threadpool(self._ready)
        return PlainTextResponse("OK") if self._was_ready else PlainTextResponse("waiting for the schema", 503)


class _DatabaseHealth:
    """Whether the database can be read now: what a region's entrance and the name servers judge a region by.

    However many ask, there is one read at a time, and none that a request has to wait for a thread for.
    """

    FRESH_SECONDS = 0.3

    def __init__(self, ready: Callable[[], bool]) -> None:
        self._ready = ready
        self._read: asyncio.Task[bool] | None = None
        self._began = 0.0

    async def answer(self) -> Response:
        now = time.monotonic()
        if self._read is None or (self._read.done() and now - self._began > self.FRESH_SECONDS):
            self._began = now
            self._read = asyncio.create_task(run_in_threadpool(self._ready))
        # Shielded: others may wait for the same read when this client goes away.
        readable = await asyncio.shield(self._read)
        return PlainTextResponse("OK") if readable else PlainTextResponse("the database can't be read", 503)

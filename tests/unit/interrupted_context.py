"""A client that dies at a chosen call: what it had begun is left as it is, and nobody hears of it any more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from storage.client.memory_context import MemoryCluster
from storage.errors import Unavailable


class InterruptedContext:
    """An `IoContext` whose calls fail from number `fatal` on (0: the first); with `done`, that call still happens."""

    def __init__(self, cluster: MemoryCluster, client_id: str, fatal: int | None = None, *, done: bool = False) -> None:
        self._cluster, self._inner = cluster, cluster.connect(client_id)
        self._fatal, self._done = fatal, done
        #: How many calls there were.
        self.calls = 0

    @property
    def client_id(self) -> str:
        return self._inner.client_id

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        call = getattr(self._inner, name)

        async def interrupted(*arguments: Any, **named: Any) -> Any:
            number, self.calls = self.calls, self.calls + 1
            if self._fatal is None or number < self._fatal:
                return await call(*arguments, **named)
            if number == self._fatal and self._done:
                await call(*arguments, **named)
            self._cluster.disconnect(self.client_id)
            raise Unavailable(f"the client died in call {number}")

        return interrupted

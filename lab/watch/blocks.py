"""The lane of the block store: one block after another is written and read back."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine, Sequence
from typing import Any

from lab.registers import Outcome
from lab.watch.evidence import Evidence
from storage.client.cluster import Cluster
from storage.client.cluster_context import ClusterContext
from storage.client.open import make_pool
from storage.errors import StorageError
from storage.names import BLOCK

#: So many that every OSD is the primary of one, as good as certainly.
OBJECTS = 8
DEADLINE, STARTED = 3.0, 20.0
EMPTY = "0"


class Blocks:
    """A client of the block store in a thread of its own. Raises StorageError where the store cannot be reached."""

    def __init__(self, monitors: Sequence[str], pool: str, prefix: str, evidence: Evidence) -> None:
        self._monitors, self._pool, self._prefix, self._evidence = monitors, pool, prefix, evidence
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="blocks", daemon=True)
        self._thread.start()
        try:
            self._run(self._start())
        except BaseException:
            self.close()
            raise

    @property
    def registers(self) -> list[str]:
        """Their names."""
        return [self._name(number) for number in range(OBJECTS)]

    def step(self, number: int) -> tuple[Outcome, str]:
        """Write a block and read it."""
        name, value, start = self._name(number), str(number + 1), time.monotonic()
        data = value.encode().ljust(BLOCK)
        try:
            self._run(self._context.write(name, 0, data))
        except (StorageError, TimeoutError) as error:
            self._evidence.wrote(name, value, start, Outcome.UNKNOWN)
            return Outcome.UNKNOWN, f"{value} to {name}: {error}"[:120]
        self._evidence.wrote(name, value, start, Outcome.OK)
        start = time.monotonic()
        try:
            found = bytes(self._run(self._context.read(name, 0, BLOCK)).data)
        except (StorageError, TimeoutError) as error:
            return Outcome.FAIL, str(error)[:120]
        seen = found.decode("ascii", "replace").strip() or EMPTY
        self._evidence.read(name, seen, start)
        return Outcome.OK, f"{value} to {name}, read {seen[:20]}"

    def remove(self) -> None:
        """Delete the blocks."""
        for name in self.registers:
            try:
                self._run(self._context.remove(name))
            except (StorageError, TimeoutError):
                continue

    def close(self) -> None:
        """End the client."""
        cluster: Cluster | None = getattr(self, "_cluster", None)
        if cluster is not None:
            self._run(cluster.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _name(self, number: int) -> str:
        return f"{self._prefix}-block-{number % OBJECTS}"

    async def _start(self) -> None:
        cluster = Cluster(tuple(self._monitors), deadline=DEADLINE)
        await cluster.start()
        self._cluster = cluster
        if cluster.map.pool_named(self._pool) is None:
            await make_pool(cluster, self._pool)
        self._context = ClusterContext(cluster, self._pool)

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(STARTED)

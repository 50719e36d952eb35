"""A client's watches: registered with the primary of each object, and again with every new one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from storage.cluster_map import Interval
from storage.connection import Connection
from storage.errors import StorageError
from storage.messages import ClientOp, Notification, NotificationAck
from storage.names import PgId

if TYPE_CHECKING:
    from storage.client.cluster import Cluster

log = logging.getLogger(__name__)
Callback = Callable[[bytes], Awaitable[None]]


class ClusterWatch:
    """One registration; see `io_context.Watch`."""

    def __init__(self, watching: Watching, pg: PgId, name: str, callback: Callback) -> None:
        self._watching, self.pg, self.name, self.callback = watching, pg, name, callback
        self.interval: Interval | None = None
        self.renewing: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Hear no more."""
        await self._watching.close(self)


class Watching:
    """All watches of a client. Several on one object share one registration."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._watches: dict[tuple[PgId, str], list[ClusterWatch]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def add(self, pg: PgId, name: str, callback: Callback) -> ClusterWatch:
        """Registered on return."""
        watch = ClusterWatch(self, pg, name, callback)
        self._watches.setdefault((pg, name), []).append(watch)
        try:
            await self._register(watch)
        except BaseException:
            self._remove(watch)
            raise
        return watch

    async def close(self, watch: ClusterWatch) -> None:
        """Hear no more; the last one of an object unregisters."""
        if self._remove(watch):
            await self._cluster.request(ClientOp(0, 0, watch.pg, "unwatch", watch.name)).future

    def _remove(self, watch: ClusterWatch) -> bool:
        watches = self._watches.get((watch.pg, watch.name), [])
        if watch.renewing is not None:
            watch.renewing.cancel()
        if watch in watches:
            watches.remove(watch)
        if watches:
            return False
        return self._watches.pop((watch.pg, watch.name), None) is not None

    async def _register(self, watch: ClusterWatch) -> None:
        watch.interval = self._cluster.map.interval(watch.pg)
        await self._cluster.request(ClientOp(0, 0, watch.pg, "watch", watch.name)).future

    # -- events ------------------------------------------------------------------------------------------------

    def new_map(self) -> None:
        """Primaries that are new know of no watches."""
        for watches in self._watches.values():
            for watch in watches:
                if watch.interval is not None and watch.interval != self._cluster.map.interval(watch.pg):
                    self._renew(watch)

    def connected(self, osd: int) -> None:
        """A connection is there anew: what was registered on the old one is gone."""
        for watches in self._watches.values():
            for watch in watches:
                if watch.interval is not None and watch.interval.primary == osd:
                    self._renew(watch)

    def _renew(self, watch: ClusterWatch) -> None:
        if watch.renewing is None or watch.renewing.done():
            watch.renewing = asyncio.get_running_loop().create_task(self._register_again(watch))

    async def _register_again(self, watch: ClusterWatch) -> None:
        """Until it is registered with the primary of the newest map; then look at the object."""
        while True:
            try:
                await self._register(watch)
            except StorageError as error:
                log.warning("the watch on %s is lost for now: %s", watch.name, error)
                await asyncio.sleep(0.5)
                continue
            if watch.interval == self._cluster.map.interval(watch.pg):
                break
        await self._call(watch, b"")

    def notified(self, connection: Connection, message: Notification, data: memoryview) -> None:
        """Call back, then acknowledge; number 0: the primary of this interval has ended it."""
        watches = list(self._watches.get((message.pg, message.name), ()))
        if not message.number:
            for watch in watches:
                self._renew(watch)
            return
        payload = bytes(data)

        async def act() -> None:
            heard = [await self._call(watch, payload) for watch in watches]
            if heard and all(heard):
                connection.send(NotificationAck(message.pg, message.name, message.number))

        task = asyncio.get_running_loop().create_task(act())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _call(self, watch: ClusterWatch, payload: bytes) -> bool:
        try:
            await watch.callback(payload)
        except Exception:
            log.exception("a notification of %s was not understood", watch.name)
            return False
        return True

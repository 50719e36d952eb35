"""A client's watches: registered with the primary of each object, and again with every new one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from storage.cluster_map import Interval
from storage.connection import Connection
from storage.errors import BadRequest, Blocklisted, StorageError
from storage.messages import ClientOp, Notification, NotificationAck
from storage.names import PgId

if TYPE_CHECKING:
    from storage.client.cluster import Cluster

log = logging.getLogger(__name__)
Callback = Callable[[bytes], Awaitable[None]]
#: Between attempts to register again, seconds.
PAUSE = 0.5


class ClusterWatch:
    """One registration; see `io_context.Watch`."""

    def __init__(self, watching: Watching, pg: PgId, name: str, callback: Callback) -> None:
        self._watching, self.pg, self.name, self.callback = watching, pg, name, callback
        #: Whose primary knows of it; None before the first.
        self.interval: Interval | None = None
        self.is_stale = False
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
        if watch.interval != self._current(pg):
            self._renew(watch)
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

    def stop(self) -> None:
        """The client ends."""
        for watches in self._watches.values():
            for watch in watches:
                if watch.renewing is not None:
                    watch.renewing.cancel()
        for task in self._tasks:
            task.cancel()

    def _current(self, pg: PgId) -> Interval | None:
        """Who serves a placement group now; None where its pool was removed."""
        cluster = self._cluster.map
        return cluster.interval(pg) if pg.pool in cluster.pools else None

    async def _register(self, watch: ClusterWatch) -> None:
        interval = self._current(watch.pg)
        if interval is None:
            raise BadRequest("its pool was removed")
        await self._cluster.request(ClientOp(0, 0, watch.pg, "watch", watch.name)).future
        watch.interval = interval

    # -- events ------------------------------------------------------------------------------------------------

    def new_map(self) -> None:
        """Primaries that are new know of no watches."""
        for watches in self._watches.values():
            for watch in watches:
                if watch.interval is not None and watch.interval != self._current(watch.pg):
                    self._renew(watch)

    def connected(self, osd: int) -> None:
        """A connection is there anew: what was registered on the old one is gone."""
        for watches in self._watches.values():
            for watch in watches:
                if watch.interval is not None and watch.interval.primary == osd:
                    self._renew(watch)

    def _renew(self, watch: ClusterWatch) -> None:
        watch.is_stale = True
        if watch.renewing is None or watch.renewing.done():
            watch.renewing = asyncio.get_running_loop().create_task(self._register_again(watch))

    async def _register_again(self, watch: ClusterWatch) -> None:
        """Until it is registered with the primary of the newest map; then look at the object."""
        while watch.is_stale:
            watch.is_stale = False
            try:
                await self._register(watch)
            except (Blocklisted, BadRequest) as error:
                log.warning("the watch on %s is lost: %s", watch.name, error)
                return
            except StorageError as error:
                log.warning("the watch on %s is lost for now: %s", watch.name, error)
                await asyncio.sleep(PAUSE)
                watch.is_stale = True
                continue
            if watch.interval != self._current(watch.pg):
                watch.is_stale = True
            elif not watch.is_stale:
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

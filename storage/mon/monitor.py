"""A monitor: it hears beacons, accusations and requests, has `decisions` judge them, and writes the next map.

Monitors are equal and keep nothing. All hear the same; who is first to write an epoch has decided, the others read it.
Those later in the list wait a moment before they write, so that they seldom come second.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from storage.cluster_map import ClusterMap, decode_map, encode_map
from storage.connection import Connection, Listener, listen
from storage.messages import (
    AnyMessage,
    Beacon,
    Boot,
    Command,
    Failure,
    GetMaps,
    Heard,
    Hello,
    Maps,
    Subscribe,
    UpThru,
)
from storage.mon.answering import Answering
from storage.mon.colleagues import Colleagues
from storage.mon.decisions import Patience, decide, is_booted, refusal
from storage.mon.map_store import MapStore, MapStoreUnavailable
from storage.mon.reports import Reports

log = logging.getLogger(__name__)
#: Seconds between looks at etcd, at the clock, and for which each monitor lets those before it go first.
POLL, TICK, TURN = 1.0, 0.25, 0.03
#: Monitors tell each other what they hear so many times while they wait for a beacon.
EXCHANGES = 5
#: A process that stood still for so long hears old news first, seconds.
STALLED = 1.0
#: So many of the newest maps are kept in memory: they are served even when the store does not answer.
KEPT = 600


class Monitor:
    """`store` blocks, and is called in one thread of its own. `others`: the addresses of all monitors."""

    def __init__(
        self, name: str, address: str, store: MapStore, *, fsid: str, rank: int = 0, patience: Patience | None = None,
        others: tuple[str, ...] = (), wall: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self.name, self.address, self.fsid, self.rank = name, address, fsid, rank
        self.patience, self.others, self.wall = patience or Patience(), others, wall
        self._store = store
        self._thread = ThreadPoolExecutor(1, "maps")
        self.map = ClusterMap(fsid=fsid)
        self.reports = Reports(started=time.monotonic(), monitors=max(1, len(others)))
        self._subscribers: set[Connection] = set()
        #: Which connections are OSDs'.
        self.osds: dict[Connection, int] = {}
        self._answering = Answering(self)
        self._kept: dict[int, bytes] = {}
        self._refused: dict[int, str] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._work = asyncio.Event()
        self._turn = asyncio.Lock()
        self.is_connected = True

    # -- life --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen; the first map is made when the store answers."""
        hello = Hello(f"mon.{self.name}", "", self.fsid)
        self._listener: Listener = await listen(self.address, hello, self._received, self._closed)
        self.address = self._listener.address
        self.colleagues = Colleagues(self.others, hello, self._learn)
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(job()) for job in (self._poll, self._tick, self._decide)]

    async def stop(self) -> None:
        """Hear nobody any more."""
        for task in self._tasks:
            task.cancel()
        self.colleagues.close()
        self._listener.close()
        self._thread.shutdown(wait=False)

    async def _ask_store(self, question: Callable[..., Any], *arguments: Any) -> Any:
        try:
            answer = await asyncio.get_running_loop().run_in_executor(self._thread, question, *arguments)
        except MapStoreUnavailable as error:
            if self.is_connected:
                log.warning("mon.%s: maps can't change for now: %s", self.name, error)
            self.is_connected = False
            raise
        if not self.is_connected:
            log.info("mon.%s: maps can change again", self.name)
        self.is_connected = True
        return answer

    async def refresh(self) -> None:
        """Learn the newest map; make the first one where there is none."""
        found = await self._ask_store(self._store.newest)
        if found is None:
            first = ClusterMap(fsid=self.fsid, epoch=1, modified=self.wall(), reason="a new cluster")
            await self._ask_store(self._store.put, 1, encode_map(first))
            found = await self._ask_store(self._store.newest)
        self._learn(decode_map(found[1]))

    def _learn(self, cluster: ClusterMap) -> None:
        if cluster.epoch <= self.map.epoch:
            return
        is_next = cluster.epoch == self.map.epoch + 1
        self._remember_deaths(cluster)
        self.map = cluster
        encoded = self._kept[cluster.epoch] = encode_map(cluster)
        self._kept.pop(cluster.epoch - KEPT, None)
        log.info("mon.%s: map %d: %s", self.name, cluster.epoch, cluster.reason)
        for number, (_, asked) in list(self.reports.boots.items()):
            if is_booted(cluster, asked):
                del self.reports.boots[number]
        message = Maps((encoded,))
        for connection in list(self._subscribers):
            connection.send(message)  # who misses maps in between asks for them
        if not is_next:
            self._work.set()

    def _remember_deaths(self, cluster: ClusterMap) -> None:
        for number, osd in cluster.osds.items():
            before = self.map.osds.get(number)
            if before is not None and osd.down_at > before.down_at:
                self.reports.died(number, time.monotonic())

    async def _poll(self) -> None:
        while True:
            with contextlib.suppress(MapStoreUnavailable):
                await self.refresh()
            await asyncio.sleep(POLL)

    async def _tick(self) -> None:
        last = told = time.monotonic()
        while True:
            await asyncio.sleep(TICK)
            now = time.monotonic()
            if now - last > STALLED:
                self.reports.started = now
            if now - told >= self.patience.beacon / EXCHANGES:
                self.colleagues.tell(self.reports.to_tell(now))
                told = now
            last = now
            self._work.set()

    async def _decide(self) -> None:
        """Whenever something was heard: write the map that follows from it."""
        while True:
            await self._work.wait()
            self._work.clear()
            if not self.map.epoch or self._next() is None:
                continue
            if self.rank:
                await asyncio.sleep(self.rank * TURN)
            try:
                await self.change(self._next)
            except MapStoreUnavailable:
                await asyncio.sleep(0.2)
                self._work.set()

    def _next(self) -> ClusterMap | None:
        return decide(self.map, self.reports, time.monotonic(), self.wall(), self.patience)

    async def change(self, decision: Callable[[], ClusterMap | None]) -> None:
        """Write what `decision` makes of the newest map, however often somebody else comes first."""
        async with self._turn:
            while (wanted := decision()) is not None:
                if await self._ask_store(self._store.put, wanted.epoch, encode_map(wanted)):
                    if wanted.floor > self.map.floor:
                        await self._ask_store(self._store.trim, wanted.floor)
                    self._learn(wanted)
                    return
                await self.refresh()

    # -- messages ----------------------------------------------------------------------------------------------

    def _closed(self, connection: Connection, reason: str) -> None:
        self._subscribers.discard(connection)
        self.osds.pop(connection, None)

    def _received(self, connection: Connection, message: AnyMessage, data: memoryview) -> None:
        now = time.monotonic()
        if isinstance(message, Beacon):
            self.osds[connection] = message.osd
            self.reports.beacon(message, now)
            if message.epoch > self.map.epoch:
                self._in_background(self.refresh())
            elif message.epoch < self.map.epoch:
                self._in_background(self._send_maps(connection, message.epoch + 1, self.map.epoch))
        elif isinstance(message, Failure):
            self.reports.failure(message, now)
            self._work.set()
        elif isinstance(message, Boot):
            self._boot(message)
        elif isinstance(message, Heard):
            self.reports.heard(connection.name, message, now)
        elif isinstance(message, UpThru):
            self.reports.up_thru[message.osd] = message
            self._work.set()
        elif isinstance(message, Subscribe):
            self._subscribers.add(connection)
            if message.epoch:
                self._in_background(self._send_maps(connection, message.epoch + 1, 1 << 60))
            elif self.map.epoch:
                connection.send(Maps((self._kept[self.map.epoch],)))
        elif isinstance(message, GetMaps):
            self._in_background(self._send_maps(connection, message.first, message.last))
        elif isinstance(message, Command):
            self._in_background(self._answering.command(connection, message))

    def _boot(self, message: Boot) -> None:
        why_not = refusal(self.map, message)
        if why_not is not None:
            if self._refused.get(message.osd) != message.incarnation:
                self._refused[message.osd] = message.incarnation
                log.warning("mon.%s: %s", self.name, why_not)
        elif not is_booted(self.map, message):
            self.reports.boots[message.osd] = (time.monotonic(), message)
            self._work.set()

    def _in_background(self, job: Coroutine[Any, Any, None]) -> None:
        async def quietly() -> None:
            try:
                await job
            except MapStoreUnavailable:
                pass  # said already
            except Exception:
                log.exception("mon.%s: a request could not be served", self.name)

        task = asyncio.get_running_loop().create_task(quietly())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _send_maps(self, connection: Connection, first: int, last: int) -> None:
        if first == self.map.epoch:
            connection.send(Maps((self._kept[first],)))
        elif first < self.map.epoch:
            maps = await self.maps_between(max(first, self.map.floor), min(last, self.map.epoch))
            if maps:
                connection.send(Maps(tuple(maps)))

    async def maps_between(self, first: int, last: int) -> list[bytes]:
        """From memory, or else from the store."""
        if all(epoch in self._kept for epoch in range(first, last + 1)):
            return [self._kept[epoch] for epoch in range(first, last + 1)]
        maps: list[bytes] = await self._ask_store(self._store.between, first, last)
        return maps

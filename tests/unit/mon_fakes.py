"""What monitors are tested with: a store that can be away, and ends of connections that say what a test wants."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import uvloop

from storage.cluster_map import ClusterMap, decode_map
from storage.connection import Connection, connect
from storage.messages import Beacon, Boot, Command, CommandReply, Failure, Hello, Maps, ScrubOrder, Subscribe
from storage.mon.decisions import Patience
from storage.mon.map_store import MapStoreUnavailable, MemoryMapStore
from storage.mon.monitor import Monitor

FSID = "f"
DEADLINE = 10.0


async def until(condition: Callable[[], object], seconds: float = DEADLINE) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


def run(test: Coroutine[Any, Any, None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(40):
            await test

    uvloop.run(limited())


class SwitchedStore(MemoryMapStore):
    """A store that all monitors share, and that answers only while it is there."""

    def __init__(self) -> None:
        super().__init__()
        self.is_away = False

    def _answer(self) -> None:
        if self.is_away:
            raise MapStoreUnavailable("etcd has no majority")

    def newest(self) -> tuple[int, bytes] | None:
        self._answer()
        return super().newest()

    def between(self, first: int, last: int) -> list[bytes]:
        self._answer()
        return super().between(first, last)

    def put(self, epoch: int, data: bytes) -> bool:
        self._answer()
        return super().put(epoch, data)

    def history(self) -> list[ClusterMap]:
        return [decode_map(data) for data in super().between(1, 1 << 60)]


class End:
    """One connection to one monitor."""

    def __init__(self, name: str, incarnation: str) -> None:
        self._hello = Hello(name, incarnation, FSID)
        self.maps: list[ClusterMap] = []
        self.orders: list[ScrubOrder] = []
        self.answers: dict[int, CommandReply] = {}
        self._number = 0
        self._connection: Connection | None = None

    async def reach(self, address: str) -> None:
        self._connection = await connect(address, self._hello, self._received, lambda *_: None)

    def send(self, message: Any) -> None:
        assert self._connection is not None
        self._connection.send(message)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _received(self, _: Connection, message: Any, data: memoryview) -> None:
        if isinstance(message, Maps):
            self.maps += [decode_map(one) for one in message.maps]
        elif isinstance(message, ScrubOrder):
            self.orders.append(message)
        elif isinstance(message, CommandReply):
            self.answers[message.number] = message

    @property
    def epoch(self) -> int:
        return max((one.epoch for one in self.maps), default=0)

    @property
    def newest(self) -> ClusterMap:
        return max(self.maps, key=lambda one: one.epoch)

    def begin(self, name: str, **arguments: Any) -> int:
        self._number += 1
        self.send(Command(self._number, name, json.dumps(arguments).encode()))
        return self._number

    async def ask(self, name: str, **arguments: Any) -> CommandReply:
        number = self.begin(name, **arguments)
        await until(lambda: number in self.answers)
        return self.answers[number]

    async def result(self, name: str, **arguments: Any) -> Any:
        reply = await self.ask(name, **arguments)
        assert not reply.error, reply.error
        return json.loads(reply.result)


class FakeOsd:
    """Boots, and gives signs of life to those monitors that it reaches, while a test wants it to."""

    def __init__(self, number: int, start: str = "1") -> None:
        self.number, self.incarnation = number, f"{number}.{start}"
        self.ends: list[End] = []
        self.is_alive = self.tells_epoch = True
        self.told = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def epoch(self) -> int:
        return max((end.epoch for end in self.ends), default=0)

    async def start(self, *addresses: str) -> None:
        for address in addresses:
            end = End(f"osd.{self.number}", self.incarnation)
            await end.reach(address)
            end.send(Subscribe(0))
            self.ends.append(end)
        await until(lambda: self.epoch)
        self.boot()
        self._task = asyncio.create_task(self._live())

    def tell(self, message: Any) -> None:
        for end in self.ends:
            end.send(message)

    def boot(self) -> None:
        number = self.number
        place = (f"h{number}:1", f"host{number}", "z")
        self.tell(Boot(number, f"disk{number}", self.incarnation, *place, 1.0, self.epoch))

    def accuse(self, other: FakeOsd) -> None:
        self.tell(Failure(self.number, other.number, other.incarnation, True, "connection refused", self.epoch))

    def beacon(self) -> None:
        if self.tells_epoch:
            self.told = self.epoch
        self.tell(Beacon(self.number, self.incarnation, self.told, 1 << 40, 1 << 30))

    async def _live(self) -> None:
        beaten = 0.0
        while True:
            if self.is_alive and (time.monotonic() - beaten > 0.1 or (self.tells_epoch and self.told != self.epoch)):
                self.beacon()
                beaten = time.monotonic()
            await asyncio.sleep(0.01)

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
        for end in self.ends:
            end.close()


class Cluster:
    """Some monitors over one store, some OSDs, and a client's end at each monitor."""

    def __init__(self, patience: Patience) -> None:
        self.store, self._patience = SwitchedStore(), patience
        self.monitors: list[Monitor] = []
        self.ends: list[End] = []
        self.osds: list[FakeOsd] = []

    @property
    def addresses(self) -> list[str]:
        return [monitor.address for monitor in self.monitors]

    def monitor(self, rank: int, address: str, others: tuple[str, ...]) -> Monitor:
        return Monitor(
            f"m{rank}", address, self.store, fsid=FSID, rank=rank, patience=self._patience, others=others
        )  # fmt: skip

    async def start(self, addresses: list[str], osds: int) -> None:
        for rank, address in enumerate(addresses):
            monitor = self.monitor(rank, address, tuple(addresses))
            await monitor.start()
            self.monitors.append(monitor)
        await until(lambda: all(monitor.map.epoch for monitor in self.monitors))
        for address in addresses:
            end = End("client.test", "1")
            await end.reach(address)
            end.send(Subscribe(0))
            self.ends.append(end)
        self.osds = [FakeOsd(number) for number in range(osds)]
        for osd in self.osds:
            await osd.start(*addresses)
        await until(lambda: all(len(self.up(monitor)) == osds for monitor in self.monitors))

    def up(self, monitor: Monitor | None = None) -> list[int]:
        shown = (monitor or self.monitors[0]).map
        return [number for number, osd in shown.osds.items() if osd.up]

    async def stop(self) -> None:
        for part in [*self.osds, *self.ends]:
            part.stop() if isinstance(part, FakeOsd) else part.close()
        for monitor in self.monitors:
            await monitor.stop()


@asynccontextmanager
async def running(addresses: list[str], osds: int, patience: Patience) -> AsyncIterator[Cluster]:
    cluster = Cluster(patience)
    try:
        await cluster.start(addresses, osds)
        yield cluster
    finally:
        await cluster.stop()

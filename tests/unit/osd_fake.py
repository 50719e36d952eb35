"""An OSD that does what a test's script says, and a cluster of such: what the client is tested with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from msgspec.structs import replace

from storage.client.cluster import Cluster
from storage.client.cluster_context import ClusterContext
from storage.cluster_map import ClusterMap, Osd, Pool, encode_map
from storage.connection import Connection, Listener, listen
from storage.messages import ClientOp, ClientReply, Command, CommandReply, GetMaps, Hello, Maps, Notification, Subscribe

Script = Callable[["FakeOsd", Connection, ClientOp, bytes], None]
POOL = 1


def serve(osd: FakeOsd, connection: Connection, op: ClientOp, data: bytes) -> None:
    """The usual script: answer."""
    osd.answer(connection, op)


class FakeOsd:
    """Remembers every operation that came, and passes it to the script."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.script: Script = serve
        self.ops: list[ClientOp] = []
        self.data: list[bytes] = []
        self.acks: list[Any] = []
        self.opened = 0
        self.address = ""
        self._listener: Listener | None = None

    async def start(self, address: str = "127.0.0.1:0") -> None:
        hello = Hello(f"osd.{self.number}", "x", "f")
        self._listener = await listen(address, hello, self._received, lambda *_: None, self._count)
        self.address = self._listener.address

    def stop(self) -> None:
        if self._listener is not None:
            self._listener.close()

    def drop_connections(self) -> None:
        assert self._listener is not None
        for connection in list(self._listener.connections):
            connection.abort("the test wants it")

    def _count(self, _: Connection) -> None:
        self.opened += 1

    def _received(self, connection: Connection, message: Any, data: memoryview) -> None:
        if isinstance(message, ClientOp):
            self.ops.append(message)
            self.data.append(bytes(data))
            self.script(self, connection, message, bytes(data))
        else:
            self.acks.append(message)

    def answer(self, connection: Connection, op: ClientOp, error: str = "", **fields: Any) -> None:
        data = fields.pop("data", None)
        reply = ClientReply(op.number, error, fields.pop("epoch", op.epoch), **{"version": 1, **fields})
        connection.send(reply, [data] if data else [])

    def notify(self, op: ClientOp, payload: bytes, number: int = 1) -> None:
        assert self._listener is not None
        for connection in self._listener.connections:
            connection.send(Notification(op.pg, op.name, number), [payload] if payload else [])


class FakeMonitor:
    """Gives out maps, and answers commands from a script of replies."""

    def __init__(self) -> None:
        self.map = ClusterMap(fsid="f", epoch=1)
        self.replies: list[CommandReply] = []
        self.commands: list[Command] = []
        self._subscribers: set[Connection] = set()
        self._listener: Listener | None = None
        self.address = ""

    async def start(self) -> None:
        hello = Hello("mon.x", "x", "f")
        self._listener = await listen("127.0.0.1:0", hello, self._received, self._closed)
        self.address = self._listener.address

    def stop(self) -> None:
        if self._listener is not None:
            self._listener.close()

    def _closed(self, connection: Connection, reason: str) -> None:
        self._subscribers.discard(connection)

    def _received(self, connection: Connection, message: Any, data: memoryview) -> None:
        if isinstance(message, Subscribe):
            self._subscribers.add(connection)
            connection.send(Maps((encode_map(self.map),)))
        elif isinstance(message, GetMaps) and message.first <= self.map.epoch:
            connection.send(Maps((encode_map(self.map),)))
        elif isinstance(message, Command):
            self.commands.append(message)
            if self.replies:
                connection.send(replace(self.replies.pop(0), number=message.number))

    def learn(self, new: ClusterMap, *, tell: bool = True) -> None:
        self.map = new
        if tell:
            for connection in self._subscribers:
                connection.send(Maps((encode_map(new),)))


class Rig:
    """Three OSDs, two monitors, one client."""

    def __init__(self) -> None:
        self.osds = [FakeOsd(number) for number in range(3)]
        self.monitors = [FakeMonitor(), FakeMonitor()]
        self.client: Cluster
        self.io: ClusterContext

    @property
    def map(self) -> ClusterMap:
        return max((monitor.map for monitor in self.monitors), key=lambda one: one.epoch)

    def change(self, *, tell: bool = True, **osds: dict[str, Any]) -> None:
        """`o1={"up": False}` makes the next map with osd.1 down."""
        old = self.map
        changed = {n: replace(osd, **osds.get(f"o{n}", {})) for n, osd in old.osds.items()}
        self.learn(replace(old, epoch=old.epoch + 1, osds=changed), tell=tell)

    def learn(self, new: ClusterMap, *, tell: bool = True) -> None:
        for monitor in self.monitors:
            monitor.learn(new, tell=tell)

    def primary(self, name: str) -> FakeOsd:
        primary = self.map.interval(self.map.pg_of(POOL, name)).primary
        assert primary is not None
        return self.osds[primary]

    def name_at(self, osd: FakeOsd) -> str:
        """The name of an object whose primary this is."""
        return next(name for name in map(str, range(1000)) if self.primary(name) is osd)

    async def start(self, deadline: float) -> None:
        for part in [*self.osds, *self.monitors]:
            await part.start()
        members = {
            osd.number: Osd(uuid=f"d{osd.number}", host=f"h{osd.number}", zone="z", address=osd.address, up=True)
            for osd in self.osds
        }
        pools = {POOL: Pool(name="p", pg_num=16)}
        self.learn(ClusterMap(fsid="f", epoch=1, osds=members, pools=pools))
        self.client = Cluster([monitor.address for monitor in self.monitors], deadline=deadline)
        await self.client.start()
        self.io = ClusterContext(self.client, "p")


@asynccontextmanager
async def running(deadline: float = 10.0) -> AsyncIterator[Rig]:
    rig = Rig()
    try:
        await rig.start(deadline)
        yield rig
        await rig.client.stop()
    finally:
        for part in [*rig.osds, *rig.monitors]:
            part.stop()
        await asyncio.sleep(0)

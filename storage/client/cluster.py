"""A client of the cluster: it knows the map, and sends operations to primaries until they are answered.

The same operation keeps its number, so a primary that has already done it only answers. An operation is sent again when
its connection breaks, when a map gives its placement group to others, or when an OSD says "again".
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Sequence
from itertools import count
from typing import Any

from storage.client.requests import Request, error_of
from storage.client.watching import Watching
from storage.cluster_map import ClusterMap, decode_map
from storage.connection import Connection
from storage.errors import BadRequest, StorageError, Unavailable
from storage.frames import Buffer
from storage.link import Link
from storage.messages import (
    AnyMessage,
    ClientOp,
    ClientReply,
    Command,
    CommandReply,
    GetMaps,
    Hello,
    Maps,
    Notification,
    Subscribe,
)

#: After "again" without a newer map, and between looks at deadlines, seconds.
SOON, LOOK = 0.02, 0.5
#: A monitor has so long for a command; a fence waits for OSDs that are about to be taken for dead, seconds.
ANSWER = 12.0


class CommandRefused(StorageError):
    """The monitors answered with a sentence why not."""

    code = "refused"


class Cluster:
    """One client with an id of its own. `start` it in an event loop, whose thread all calls belong to."""

    def __init__(self, monitors: Sequence[str], *, fsid: str = "", deadline: float = 30.0) -> None:
        self.client_id = f"client.{secrets.token_hex(8)}"
        self.deadline = deadline
        self.map = ClusterMap(fsid="")
        self._hello = Hello(self.client_id, secrets.token_hex(8), fsid)
        self._monitors = list(monitors)
        self._links: list[Link] = []
        self._osds: dict[int, Link] = {}
        self._ready: set[int] = set()
        self._requests: dict[int, Request] = {}
        self._numbers = count(1)
        self._commands: dict[int, asyncio.Future[CommandReply]] = {}
        self._new_map = asyncio.Event()
        self._is_stopped = False
        self.watching = Watching(self)

    async def start(self) -> None:
        """Connect; returns when the map is known. Raises Unavailable when no monitor answers within the deadline."""
        self._loop = asyncio.get_running_loop()
        self._links = [self._monitor(address) for address in self._monitors]
        self._looking = self._loop.create_task(self._look())
        try:
            async with asyncio.timeout(self.deadline):
                while not self.map.epoch:
                    self._new_map.clear()
                    await self._new_map.wait()
        except TimeoutError:
            await self.stop()
            raise Unavailable(f"no monitor answers at {', '.join(self._monitors)}") from None

    async def stop(self) -> None:
        """Close all connections; what is under way fails with Unavailable."""
        self._looking.cancel()
        self._is_stopped = True
        self.watching.stop()
        for link in [*self._links, *self._osds.values()]:
            link.close()
        self._osds, self._ready = {}, set()
        requests, self._requests = self._requests, {}
        for request in requests.values():
            request.fail(Unavailable("the client was stopped"))

    # -- maps and commands -------------------------------------------------------------------------------------

    def _monitor(self, address: str) -> Link:
        link = Link(address, self._hello, self._from_monitor, lambda: link.send(Subscribe(0)), lambda _: None)
        return link

    def _from_monitor(self, connection: Connection, message: AnyMessage, data: memoryview) -> None:
        if isinstance(message, Maps):
            self._learn(decode_map(message.maps[-1]))
        elif isinstance(message, CommandReply):
            future = self._commands.get(message.number)
            if future is not None and not future.done():
                future.set_result(message)

    def _learn(self, cluster: ClusterMap) -> None:
        if cluster.epoch <= self.map.epoch:
            return
        self.map = cluster
        self._new_map.set()
        for number, link in list(self._osds.items()):
            osd = cluster.osds.get(number)
            if osd is None or not osd.up or osd.address != link.address:
                self._forget(number)
        for request in list(self._requests.values()):
            if request.pg.pool not in cluster.pools:
                del self._requests[request.number]
                request.fail(BadRequest("its pool was removed"))
            elif request.interval != cluster.interval(request.pg):
                self._send(request)
        self.watching.new_map()

    async def command(self, name: str, arguments: dict[str, Any] | None = None) -> Any:
        """Ask the monitors, one after the other, until the deadline. Raises CommandRefused, Unavailable."""
        until = self._loop.time() + self.deadline
        last = "no monitor answers"
        while self._loop.time() < until:
            for link in self._links:
                if not link.is_open:
                    continue
                try:
                    reply = await self._ask(link, name, arguments or {}, min(ANSWER, until - self._loop.time()))
                except TimeoutError:
                    continue
                if not reply.error:
                    return json.loads(reply.result)
                if not reply.retry:
                    raise CommandRefused(reply.error)
                last = reply.error
            await asyncio.sleep(0.2)
        raise Unavailable(last)

    async def _ask(self, link: Link, name: str, arguments: dict[str, Any], seconds: float) -> CommandReply:
        number = next(self._numbers)
        future: asyncio.Future[CommandReply] = self._loop.create_future()
        self._commands[number] = future
        link.send(Command(number, name, json.dumps(arguments).encode()))
        try:
            async with asyncio.timeout(seconds):
                return await future
        finally:
            del self._commands[number]

    # -- operations --------------------------------------------------------------------------------------------

    def request(self, op: ClientOp, data: Sequence[Buffer] = (), seconds: float | None = None) -> Request:
        """Begin an operation (its number and epoch are filled in here); await its `future`. Raises Unavailable."""
        if self._is_stopped:
            raise Unavailable("the client was stopped")
        deadline = self._loop.time() + (seconds or self.deadline)
        request = Request(next(self._numbers), op, data, self._loop.create_future(), deadline)
        self._requests[request.number] = request
        self._send(request)
        return request

    def _send(self, request: Request) -> None:
        if request.future.done():  # nobody waits any more: what was written later must not be overtaken
            del self._requests[request.number]
            return
        cluster = self.map
        interval = request.interval = cluster.interval(request.pg)
        primary = interval.primary
        if primary is None:
            return  # until a map names one
        link = self._osds.get(primary)
        if link is None:
            self._osds[primary] = self._connect(primary, cluster.osds[primary].address)
        elif primary in self._ready:
            link.send(request.message(cluster.epoch), request.data)

    def _connect(self, number: int, address: str) -> Link:
        def refused(_: str) -> None:
            self._ready.discard(number)

        return Link(
            address, self._hello, self._from_osd, lambda: self._opened(number), refused, pause=0.05,
            on_lost=lambda: self._ready.discard(number),
        )  # fmt: skip

    def _opened(self, number: int) -> None:
        self._ready.add(number)
        for request in list(self._requests.values()):
            if request.interval is not None and request.interval.primary == number:
                self._send(request)
        self.watching.connected(number)

    def _forget(self, number: int) -> None:
        self._osds.pop(number).close()
        self._ready.discard(number)

    def _from_osd(self, connection: Connection, message: AnyMessage, data: memoryview) -> None:
        if message.__class__ is ClientReply:
            self._answered(message, data)
        elif isinstance(message, Notification):
            self.watching.notified(connection, message, data)

    def _answered(self, reply: ClientReply, data: memoryview) -> None:
        request = self._requests.get(reply.number)
        if request is None:
            return
        if reply.error == "again":
            if reply.epoch > self.map.epoch:
                request.interval = None  # the next map sends it
                for link in self._links:
                    link.send(GetMaps(reply.epoch, 1 << 60))
            elif not request.is_waiting:
                request.is_waiting = True
                self._loop.call_later(SOON, self._again, request)
            return
        del self._requests[reply.number]
        if reply.error:
            request.fail(error_of(reply))
        elif not request.future.done():
            request.future.set_result((reply, data))

    def _again(self, request: Request) -> None:
        request.is_waiting = False
        if request.number in self._requests:
            self._send(request)

    async def _look(self) -> None:
        """Fail what has waited too long."""
        while True:
            await asyncio.sleep(LOOK)
            now = self._loop.time()
            for request in [request for request in self._requests.values() if now > request.deadline]:
                del self._requests[request.number]
                request.fail(Unavailable(f"{request.op.kind} of {request.op.name}: no answer within the deadline"))

    def send_to(self, number: int, message: Any) -> None:
        """A message that needs no answer."""
        if number in self._ready:
            self._osds[number].send(message)

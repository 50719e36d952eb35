"""An OSD with sockets, a disk and a clock around it: the thin shell of `osd.Osd`."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from storage.cluster_map import decode_map
from storage.connection import Connection, Listener, listen
from storage.link import Link
from storage.messages import AnyMessage, Boot, Hello, Maps, Message, ScrubOrder, Subscribe
from storage.osd.osd import Osd
from storage.osd.peers import Peers
from storage.osd.settings import OsdProcessSettings
from storage.osd.store import superblock
from storage.osd.store.disk_store import DiskStore, make
from storage.osd.store.superblock import Superblock
from storage.osd.surroundings import Buffer, OsdSettings

log = logging.getLogger(__name__)


class Daemon:
    """One OSD process, or one of several in a process: `start`, `stop`; `on_failure` when it must not go on."""

    def __init__(
        self,
        settings: OsdProcessSettings,
        *,
        timing: OsdSettings | None = None,
        on_failure: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        self.settings, self._timing, self._on_failure = settings, timing or OsdSettings(), on_failure
        self.incarnation = secrets.token_hex(8)
        self._osds: dict[Connection, int] = {}
        self._clients: dict[str, Connection] = {}
        self._monitors: list[Link] = []

    # -- Surroundings ------------------------------------------------------------------------------------------

    now = staticmethod(time.monotonic)
    wall = staticmethod(time.time)

    def send(self, osd: int, message: Message, data: Sequence[Buffer] = ()) -> None:
        """To another OSD, if it can be reached."""
        self._peers.send(osd, message, data)

    def tell_monitors(self, message: Message) -> None:
        """To every monitor that can be reached."""
        for link in self._monitors:
            link.send(message)

    def say(self, sentence: str) -> None:
        """One sentence for the log."""
        log.info("osd.%d: %s", self.settings.osd, sentence)

    # -- life --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the store (a new one in an empty directory), listen, and boot. Raises OSError, StorageError."""
        settings = self.settings
        loop = asyncio.get_running_loop()
        directory = settings.data_dir / "osd"
        if not superblock.exists(directory):
            _make(directory, settings)
        self.store = DiskStore(directory, loop, on_failure=self._on_failure)
        hello = Hello(f"osd.{settings.osd}", self.incarnation, settings.fsid)
        self._listener: Listener = await listen(settings.listen, hello, self._received, self._closed, self._opened)
        address = settings.public or self._listener.address
        host = settings.host or f"host{settings.osd}"
        boot = Boot(
            settings.osd, self.store.superblock.osd_uuid, self.incarnation, address, host, settings.zone,
            settings.weight, 0,
        )  # fmt: skip
        self._peers = Peers(hello, self._peer_reset, self._peer_unreachable)
        self.osd = Osd(boot, self.store, self, self._timing)
        if self.store.damaged_journal:
            self.osd.distrust()
            self.store.forget_damage()
        self._monitors = [self._monitor(address, hello) for address in settings.monitors.split(",")]
        self._ticking = loop.create_task(self._tick())

    def _monitor(self, address: str, hello: Hello) -> Link:
        def opened() -> None:
            link.send(self.osd.wanted_maps())
            link.send(Subscribe(0))
            self.osd.monitor_reached()

        link = Link(address, hello, self._from_monitor, opened, lambda _: None, pause=0.5)
        return link

    async def stop(self) -> None:
        """End in good order: what was stored is durable."""
        self._ticking.cancel()
        for link in self._monitors:
            link.close()
        self._peers.close()
        self._listener.close()
        self.store.close()

    async def _tick(self) -> None:
        try:
            while True:
                await asyncio.sleep(self.osd.next_tick)
                self.osd.tick()
        except Exception as error:
            log.exception("osd.%d ends", self.settings.osd)
            self._on_failure(error)

    # -- connections -------------------------------------------------------------------------------------------

    def _opened(self, connection: Connection) -> None:
        kind, _, number = connection.name.partition(".")
        if kind == "osd":
            self._osds[connection] = int(number)
            return
        older = self._clients.get(connection.name)
        self._clients[connection.name] = connection
        if older is not None:
            older.close("the client connected again")

    def _closed(self, connection: Connection, reason: str) -> None:
        if self._osds.pop(connection, None) is None:
            if self._clients.get(connection.name) is connection:
                del self._clients[connection.name]
            self.osd.session_closed(connection)

    def _received(self, connection: Connection, message: AnyMessage, data: memoryview) -> None:
        number = self._osds.get(connection)
        if number is None:
            self.osd.client(connection, message, data)
        else:
            self.osd.receive(number, message, data)

    def _from_monitor(self, connection: Connection, message: AnyMessage, data: memoryview) -> None:
        if isinstance(message, Maps):
            epoch = self.osd.epoch
            self.osd.receive_maps([decode_map(one) for one in message.maps])
            if self.osd.epoch != epoch:
                others = {n: osd.address for n, osd in self.osd.map.osds.items() if osd.up and n != self.settings.osd}
                self._peers.know(others)
        elif isinstance(message, ScrubOrder):
            self.osd.order_scrub(message)

    def _peer_reset(self, number: int) -> None:
        self.osd.peer_reset(number)

    def _peer_unreachable(self, number: int, reason: str) -> None:
        self.osd.peer_unreachable(number, reason)


def _make(directory: Path, settings: OsdProcessSettings) -> None:
    whose = Superblock(
        fsid=settings.fsid, osd_id=settings.osd, osd_uuid=str(uuid.uuid4()), journal_size=settings.journal_mib << 20
    )  # fmt: skip
    make(directory, whose)

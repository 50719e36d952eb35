"""A whole cluster in one process: a monitor with its maps in a folder, some OSDs, a pool. For development and tests.

The same code as in the lab; only the sockets are on loopback and the event loop is shared.
"""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import uvloop

from storage.client.cluster import Cluster
from storage.mon.decisions import Patience
from storage.mon.map_store import FolderMapStore
from storage.mon.monitor import Monitor
from storage.osd.daemon import Daemon
from storage.osd.settings import OsdProcessSettings

HOST = "127.0.0.1"
PGS = 8
JOURNAL_MIB = 16


class EmbeddedCluster:
    """`osds` daemons under a folder: `start` returns when there is a pool, `stop` leaves everything on the disk."""

    def __init__(self, folder: Path, *, osds: int = 3, pool: str = "volumes") -> None:
        self._folder, self._count, self._pool = folder, osds, pool
        self.osds: list[Daemon] = []
        self.monitors = ""

    @property
    def url(self) -> str:
        """What `open_store` takes."""
        return f"quorate://{self.monitors}/{self._pool}"

    async def start(self) -> None:
        """Raises OSError, StorageError."""
        store = FolderMapStore(self._folder / "mon")
        self.monitor = Monitor("mon1", f"{HOST}:0", store, fsid="embedded", patience=Patience(beacon=30.0))
        await self.monitor.start()
        self.monitors = self.monitor.address
        self.osds = [self.daemon(number) for number in range(self._count)]
        for daemon in self.osds:
            await daemon.start()
        cluster = Cluster([self.monitors])
        await cluster.start()
        try:
            await self._wait_for_osds(cluster)
            size = min(3, self._count)
            arguments = {"pool": self._pool, "size": size, "min_size": (size + 1) // 2, "pg_num": PGS}
            await cluster.command("pool create", arguments)
        finally:
            await cluster.stop()

    async def _wait_for_osds(self, cluster: Cluster) -> None:
        async with asyncio.timeout(30):
            while sum(osd.up for osd in cluster.map.osds.values()) < self._count:
                await asyncio.sleep(0.02)

    def daemon(self, number: int) -> Daemon:
        """An OSD on its own disk, not started yet."""
        settings = OsdProcessSettings(
            osd=number, listen=f"{HOST}:0", monitors=self.monitors, fsid="embedded", host=f"host{number}",
            data_dir=self._folder / f"osd{number}", journal_mib=JOURNAL_MIB,
        )  # fmt: skip
        return Daemon(settings)

    async def stop(self) -> None:
        """End in good order."""
        for daemon in self.osds:
            await daemon.stop()
        await self.monitor.stop()


class EmbeddedThread:
    """An embedded cluster in a thread of its own, for programs without an event loop."""

    def __init__(self, folder: Path, *, osds: int = 3, pool: str = "volumes") -> None:
        self.cluster = EmbeddedCluster(folder, osds=osds, pool=pool)
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="block store", daemon=True)

    @property
    def url(self) -> str:
        """Where its clients find it."""
        return self.cluster.url

    def start(self) -> None:
        """Returns when it takes requests."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.cluster.start(), self._loop).result(60)

    def stop(self) -> None:
        """Everything is on the disk on return."""
        asyncio.run_coroutine_threadsafe(self.cluster.stop(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

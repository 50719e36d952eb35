"""A block store of real processes on loopback: a monitor with its maps in a folder, and OSDs to kill and freeze."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from storage.client.cluster import Cluster
from storage.mon.map_store import FolderMapStore
from storage.mon.monitor import Monitor

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"


class StoreProcesses:
    """The monitor runs in this process; each OSD is one of its own, as in the lab."""

    def __init__(self, folder: Path, osds: int = 3, pg_num: int = 32, base_port: int = 16800) -> None:
        self.folder, self.osds, self.pg_num, self._base = folder, osds, pg_num, base_port
        self.running: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        """Where its pool is."""
        return f"quorate://{self.monitor.address}/volumes"

    async def start(self) -> Cluster:
        """A client of it, when all is clean."""
        self.monitor = Monitor("bench", f"{HOST}:0", FolderMapStore(self.folder / "mon"), fsid="bench")
        await self.monitor.start()
        for number in range(self.osds):
            self.run(number)
        cluster = Cluster([self.monitor.address])
        await cluster.start()
        await self._until(lambda: sum(osd.up for osd in cluster.map.osds.values()) >= self.osds)
        await cluster.command("pool create", {"pool": "volumes", "size": min(3, self.osds), "pg_num": self.pg_num})
        await self.until_clean(cluster)
        return cluster

    async def stop(self) -> None:
        """End all processes."""
        for process in self.running.values():
            process.kill()
            process.wait()
        await self.monitor.stop()

    def run(self, number: int) -> None:
        """Start an OSD, a new one or one that was killed."""
        settings = {
            "QUORATE_OSD": str(number),
            "QUORATE_LISTEN": f"{HOST}:{self._base + number}",
            "QUORATE_DATA_DIR": str(self.folder / f"osd{number}"),
            "QUORATE_MONITORS": self.monitor.address,
            "QUORATE_FSID": "bench",
            "QUORATE_HOST": f"host{number}",
            "QUORATE_LOG_LEVEL": "WARNING",
            "PYTHONPATH": str(ROOT),
        }
        self.running[number] = subprocess.Popen([sys.executable, "-m", "storage.osd"], env=os.environ | settings)

    def kill(self, number: int) -> None:
        """SIGKILL."""
        process = self.running.pop(number)
        process.kill()
        process.wait()

    def freeze(self, number: int) -> None:
        """SIGSTOP: its connections stay open, nothing answers."""
        self.running[number].send_signal(signal.SIGSTOP)

    def thaw(self, number: int) -> None:
        """SIGCONT."""
        self.running[number].send_signal(signal.SIGCONT)

    def processor_seconds(self) -> dict[int, float]:
        """What each OSD has used so far."""
        used = {}
        for number, process in self.running.items():
            fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
            used[number] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return used

    async def until_clean(self, cluster: Cluster, seconds: float = 120.0) -> float:
        """How long it took until every placement group was whole on every OSD that it belongs on, seconds."""
        began = asyncio.get_running_loop().time()
        async with asyncio.timeout(seconds):
            while True:
                status = await cluster.command("status")
                is_clean = set(status["pgs"]) == {"active+clean"} and not status["degraded"]
                if is_clean and status["osds"]["up"] == len(self.running):
                    return asyncio.get_running_loop().time() - began
                await asyncio.sleep(0.1)

    @staticmethod
    async def _until(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                await asyncio.sleep(0.02)

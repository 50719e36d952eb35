"""How long clients of the block store wait when an OSD fails, and how long it takes to be whole again.

.venv/bin/python -m tests.bench.storage_faults
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import uvloop

from storage.client.cluster import Cluster
from storage.client.cluster_context import ClusterContext
from tests.bench.processes import StoreProcesses

MIB = 1 << 20


@dataclass
class Probe:
    """Writes and reads one block again and again; the longest time without an answer is the gap."""

    io: ClusterContext
    name: str
    last: float = 0.0
    gap: float = 0.0
    done: int = 0
    stopped: bool = False

    async def run(self) -> None:
        self.last = time.monotonic()
        while not self.stopped:
            value = self.done.to_bytes(8, "big") * 512
            await self.io.write(self.name, 0, value)
            read = await self.io.read(self.name, 0, 4096)
            assert bytes(read.data) == value, f"{self.name}: an acknowledged write is not read"
            now = time.monotonic()
            self.gap, self.last = max(self.gap, now - self.last), now
            self.done += 1
            await asyncio.sleep(0.005)


@dataclass
class Outcome:
    """The longest gap of any probe, seconds; how many went on."""

    fault: str
    gap: float
    target: float
    gaps: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.fault:32} {self.gap:6.2f} s   target {self.target:.1f} s"


async def under_load(
    cluster: Cluster, fault: str, strike: Callable[[], None], target: float, seconds: float = 5.0
) -> Outcome:
    """One object in each of twelve placement groups, so that every OSD is the primary of some."""
    io = ClusterContext(cluster, "volumes")
    probes = [Probe(io, f"probe-{number}") for number in range(12)]
    tasks = [asyncio.get_running_loop().create_task(probe.run()) for probe in probes]
    await asyncio.sleep(1.0)
    for probe in probes:
        probe.gap = 0.0
    strike()
    await asyncio.sleep(seconds)
    for probe in probes:
        probe.gap, probe.stopped = max(probe.gap, time.monotonic() - probe.last), True
    await asyncio.gather(*tasks)
    gaps = [probe.gap for probe in probes]
    return Outcome(fault, max(gaps), target, gaps)


async def fill(cluster: Cluster, size: int) -> None:
    """Objects of 4 MiB, several at a time."""
    io, turns = ClusterContext(cluster, "volumes"), asyncio.Semaphore(4)

    async def one(number: int) -> None:
        async with turns:
            for offset in range(0, 4 * MIB, MIB):
                await io.write(f"data-{number}", offset, number.to_bytes(4, "big") * (MIB // 4))

    await asyncio.gather(*(one(number) for number in range(size // (4 * MIB))))


async def main() -> int:
    with tempfile.TemporaryDirectory(prefix="quorate-bench-", dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        processes = StoreProcesses(Path(folder))
        cluster = await processes.start()
        outcomes = []
        try:
            for victim in range(3):
                outcomes.append(
                    await under_load(cluster, f"SIGKILL of osd.{victim}", partial(processes.kill, victim), 1.0)
                )
                processes.run(victim)
                await processes.until_clean(cluster)
                outcomes.append(
                    await under_load(cluster, f"pause of osd.{victim}", partial(processes.freeze, victim), 3.0)
                )
                processes.thaw(victim)
                await processes.until_clean(cluster)
            for outcome in outcomes:
                print(outcome)
            processes.kill(1)
            await asyncio.sleep(1.0)
            await fill(cluster, 256 * MIB)
            processes.run(1)
            load = asyncio.get_running_loop().create_task(under_load(cluster, "return of osd.1", lambda: None, 1.0))
            print(f"256 MiB recovered in            {await processes.until_clean(cluster):6.2f} s   target 20.0 s")
            print(await load)
        finally:
            await cluster.stop()
            await processes.stop()
    return 0


if __name__ == "__main__":
    sys.exit(uvloop.run(main()))

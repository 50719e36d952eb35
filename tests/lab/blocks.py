"""Clients of the block store beside a fault: each writes and reads one block again and again; all of it is recorded.

A block is a register: `lab.registers` judges afterwards whether what they saw is what a single device could have shown.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from typing import Any

import uvloop

from lab.registers import Kind, Operation, Outcome, Verdict, judge
from storage.client.cluster import Cluster
from storage.client.cluster_context import ClusterContext
from storage.client.open import StoreAddress, make_pool
from storage.errors import ObjectNotFound, StorageError
from storage.names import BLOCK

PROBES = 24
PAUSE = 0.01


class BlockLoad:
    """`PROBES` blocks, each in an object of its own, so that every OSD is the primary of some; two clients for each."""

    def __init__(self, url: str, session: str) -> None:
        self._address, self._session = StoreAddress.parse(url), session
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="blocks", daemon=True)
        self._thread.start()
        self.history: list[Operation] = []
        self.errors: list[str] = []
        self._last: dict[int, float] = {}
        self._longest: dict[int, float] = {}
        self._is_stopped = False
        self._value = 0

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    def start(self) -> None:
        """Returns when every block has been written once."""
        self._run(self._start())

    async def _start(self) -> None:
        self._clusters = [Cluster(self._address.monitors) for _ in range(2)]
        for cluster in self._clusters:
            await cluster.start()
        if self._clusters[0].map.pool_named(self._address.pool) is None:
            await make_pool(self._clusters[0], self._address.pool)
        writer, reader = [ClusterContext(cluster, self._address.pool) for cluster in self._clusters]
        for number in range(PROBES):
            await self._write(writer, number)
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._write_on(writer, number)) for number in range(PROBES)]
        self._tasks += [loop.create_task(self._read_on(reader, number)) for number in range(PROBES)]

    def _name(self, number: int) -> str:
        return f"lab-probe-{self._session}-{number}"

    async def _write_on(self, io: ClusterContext, number: int) -> None:
        while not self._is_stopped:
            await self._write(io, number)
            await asyncio.sleep(PAUSE)

    async def _read_on(self, io: ClusterContext, number: int) -> None:
        while not self._is_stopped:
            await self._read(io, number)
            await asyncio.sleep(PAUSE)

    async def _write(self, io: ClusterContext, number: int) -> None:
        self._value += 1
        value, began = self._value, time.monotonic()
        try:
            await io.write(self._name(number), 0, value.to_bytes(8, "big") * (BLOCK // 8))
        except StorageError as error:
            self.errors.append(f"write of block {number}: {error}")
            self.history.append(Operation(number, Kind.WRITE, value, began, None, Outcome.UNKNOWN))
        else:
            self._succeeded(number)
            self.history.append(Operation(number, Kind.WRITE, value, began, time.monotonic()))

    async def _read(self, io: ClusterContext, number: int) -> None:
        began = time.monotonic()
        try:
            data = (await io.read(self._name(number), 0, BLOCK)).data
            value = int.from_bytes(data[:8], "big")
            if bytes(data) != value.to_bytes(8, "big") * (BLOCK // 8):
                self.errors.append(f"read of block {number}: half of one write and half of another")
        except ObjectNotFound:
            value = 0
        except StorageError as error:
            self.errors.append(f"read of block {number}: {error}")
            return
        self.history.append(Operation(number, Kind.READ, value, began, time.monotonic()))

    def _succeeded(self, number: int) -> None:
        now = time.monotonic()
        self._longest[number] = max(self._longest.get(number, 0.0), now - self._last.get(number, now))
        self._last[number] = now

    def gap_within(self, seconds: float) -> float:
        """The longest time in the next seconds in which some block could not be written."""
        self._longest.clear()
        time.sleep(seconds)
        now = time.monotonic()
        return max(max(self._longest.get(number, 0.0), now - last) for number, last in self._last.items())

    def command(self, name: str, **arguments: Any) -> Any:
        """Ask the monitors. Raises CommandRefused, Unavailable."""
        return self._run(self._clusters[0].command(name, arguments))

    def whole_after(self, seconds: float) -> float:
        """How long it takes until every placement group is whole on all its OSDs. Raises TimeoutError."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            status = self.command("status")
            if set(status["pgs"]) == {"active+clean"} and status["osds"]["up"] == status["osds"]["total"]:
                return time.monotonic() - began
            time.sleep(0.1)
        raise TimeoutError(f"not whole after {seconds:.0f} s: {status['pgs']}, {status['checks']}")

    def stop(self) -> Verdict:
        """End all clients; read every block once more, and judge."""

        async def end() -> None:
            self._is_stopped = True
            await asyncio.gather(*self._tasks)
            io = ClusterContext(self._clusters[1], self._address.pool)
            for number in range(PROBES):
                await self._read(io, number)
                await io.remove(self._name(number))
            for cluster in self._clusters:
                await cluster.stop()

        self._run(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        return judge(self.history, initial=0)

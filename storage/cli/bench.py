"""`rbd bench`: operations on an image's blocks as fast as they are answered, and how long each took."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import time
from dataclasses import dataclass, field

import uvloop

from storage.cli.words import size
from storage.client.images import Images
from storage.client.open import StoreAddress, open_pool
from storage.errors import BadRequest


@dataclass
class BenchResult:
    """Latencies in seconds."""

    kind: str
    io_size: int
    depth: int
    elapsed: float = 0.0
    latencies: list[float] = field(default_factory=list)

    def at(self, share: float) -> float:
        """A quantile of the latencies."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0

    def text(self) -> str:
        """Two lines for a person."""
        rate = len(self.latencies) / max(self.elapsed, 1e-9)
        times = ", ".join(
            f"{name} {self.at(share) * 1000:.2f}" for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
        )
        return (
            f"bench type {self.kind} io_size {size(self.io_size)} io_threads {self.depth}\n"
            f"elapsed: {self.elapsed:.1f} s  ops: {len(self.latencies)}  ops/sec: {rate:.0f}"
            f"  bytes/sec: {size(rate * self.io_size)}/s  latency ms: {times}"
        )


def bench(
    address: StoreAddress, image: str, kind: str, io_size: int, depth: int, is_random: bool, seconds: float
) -> BenchResult:
    """Raises BadRequest, ImageNotFound, ImageBusy."""
    if kind not in ("write", "read", "readwrite"):
        raise BadRequest("--io-type is write, read or readwrite")
    return uvloop.run(_bench(address, image, kind, io_size, depth, is_random, seconds))


async def _bench(
    address: StoreAddress, name: str, kind: str, io_size: int, depth: int, is_random: bool, seconds: float
) -> BenchResult:
    async with open_pool(address) as io:
        image = await Images(io).open(name, read_only=kind == "read")
        blocks = image.size // io_size
        if not blocks:
            raise BadRequest(f"{name} is smaller than one operation")
        result = BenchResult(kind, io_size, depth)
        numbers, began = itertools.count(), time.perf_counter()
        data = os.urandom(io_size)

        async def work() -> None:
            while time.perf_counter() - began < seconds:
                number = next(numbers)
                offset = (random.randrange(blocks) if is_random else number % blocks) * io_size  # noqa: S311
                started = time.perf_counter()
                if kind == "write" or (kind == "readwrite" and number % 2):
                    await image.write(offset, data)
                else:
                    await image.read(offset, io_size)
                result.latencies.append(time.perf_counter() - started)

        try:
            await asyncio.gather(*(work() for _ in range(depth)))
        finally:
            result.elapsed = time.perf_counter() - began
            await image.close()
        return result

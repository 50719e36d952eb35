"""Opening a store by its address: `quorate://host:port,host:port,host:port/pool` names the monitors and a pool."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from storage.client.cluster import Cluster, CommandRefused
from storage.client.cluster_context import ClusterContext
from storage.client.io_context import IoContext
from storage.client.sync_store import SyncBlockStore
from storage.connection import split_address
from storage.errors import Unavailable

SCHEME = "quorate"


@dataclass(frozen=True)
class StoreAddress:
    """Where a pool is."""

    monitors: tuple[str, ...]
    pool: str

    @classmethod
    def parse(cls, url: str) -> StoreAddress:
        """Raises ValueError with a sentence."""
        parts = urlsplit(url)
        monitors = tuple(filter(None, parts.netloc.split(",")))
        pool = parts.path.strip("/")
        if parts.scheme != SCHEME or not monitors or not pool:
            raise ValueError(f"{url!r} is no address of a store: it looks like {SCHEME}://host:6789,host:6789/pool")
        for monitor in monitors:
            split_address(monitor)
        return cls(monitors, pool)


@asynccontextmanager
async def open_cluster(monitors: tuple[str, ...], deadline: float = 30.0) -> AsyncIterator[Cluster]:
    """A client of the cluster. Raises Unavailable."""
    cluster = Cluster(monitors, deadline=deadline)
    await cluster.start()
    try:
        yield cluster
    finally:
        await cluster.stop()


@asynccontextmanager
async def open_pool(address: StoreAddress, deadline: float = 30.0) -> AsyncIterator[IoContext]:
    """The objects of a pool, which is made where it is missing (size 3 where there are so many OSDs)."""
    async with open_cluster(address.monitors, deadline) as cluster:
        if cluster.map.pool_named(address.pool) is None:
            await make_pool(cluster, address.pool)
        yield ClusterContext(cluster, address.pool)


async def make_pool(cluster: Cluster, name: str, **arguments: object) -> None:
    """Create a pool, or find that somebody else just did. Raises CommandRefused, Unavailable."""
    try:
        await cluster.command("pool create", {"pool": name, **arguments})
    except CommandRefused:
        if cluster.map.pool_named(name) is None:
            raise
    try:
        async with asyncio.timeout(cluster.deadline):
            while cluster.map.pool_named(name) is None:
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise Unavailable(f"the pool {name!r} does not appear in the map") from None


def open_block_store(url: str, deadline: float = 30.0) -> SyncBlockStore:
    """The images of a pool, for programs with threads. Raises ValueError, Unavailable."""
    address = StoreAddress.parse(url)
    return SyncBlockStore(lambda: open_pool(address, deadline))

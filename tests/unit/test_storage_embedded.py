"""A whole cluster in one process, with real sockets and disks: what clients see through crashes and restarts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from storage.client.cluster import Cluster, CommandRefused
from storage.client.cluster_context import ClusterContext
from storage.client.open import StoreAddress, open_block_store
from storage.embedded import EmbeddedCluster, EmbeddedThread
from storage.errors import Blocklisted, ObjectExists, ObjectNotFound, VersionMismatch
from storage.names import SnapContext

SOON = 15.0


@asynccontextmanager
async def cluster(folder: Path) -> AsyncIterator[EmbeddedCluster]:
    embedded = EmbeddedCluster(folder)
    await embedded.start()
    try:
        yield embedded
    finally:
        await embedded.stop()


@asynccontextmanager
async def client(embedded: EmbeddedCluster) -> AsyncIterator[Cluster]:
    one = Cluster([embedded.monitors], deadline=SOON)
    await one.start()
    try:
        yield one
    finally:
        await one.stop()


async def until(condition: Callable[[], Coroutine[Any, Any, bool]]) -> None:
    async with asyncio.timeout(SOON):
        while not await condition():
            await asyncio.sleep(0.05)


@pytest.mark.slow
def test_objects_survive_a_restart_of_everything(tmp_path: Path) -> None:
    async def first() -> None:
        async with cluster(tmp_path) as embedded, client(embedded) as one:
            io = ClusterContext(one, "volumes")
            for number in range(30):
                await io.write(f"o{number}", 0, b"%d" % number)

    async def second() -> None:
        async with cluster(tmp_path) as embedded, client(embedded) as one:
            io = ClusterContext(one, "volumes")
            assert await io.list("o") == sorted(f"o{number}" for number in range(30))
            for number in range(30):
                assert bytes((await io.read(f"o{number}", 0, 10)).data) == b"%d" % number

    uvloop.run(first())
    uvloop.run(second())


def test_compare_and_swap_snapshots_and_errors(tmp_path: Path) -> None:
    async def go() -> None:
        async with cluster(tmp_path) as embedded, client(embedded) as one:
            io = ClusterContext(one, "volumes")
            with pytest.raises(ObjectNotFound):
                await io.read("o", 0, 1)
            version = await io.write_full("o", b"one", expected=0)
            with pytest.raises(ObjectExists):
                await io.write_full("o", b"two", expected=0)
            with pytest.raises(VersionMismatch):
                await io.write_full("o", b"two", expected=version + 1)
            await io.write("o", 0, b"new", snaps=SnapContext(1, (1,)))
            assert bytes((await io.read("o", 0, 9, snap=1)).data) == b"one"
            assert bytes((await io.read("o", 0, 9)).data) == b"new"
            with pytest.raises(CommandRefused, match="other settings"):
                await one.command("pool create", {"pool": "volumes", "pg_num": 64})
            with pytest.raises(CommandRefused, match="no command"):
                await one.command("make coffee")

    uvloop.run(go())


@pytest.mark.slow
def test_clients_go_on_when_an_osd_dies_and_it_catches_up(tmp_path: Path) -> None:
    async def go() -> None:
        async with cluster(tmp_path) as embedded, client(embedded) as one:
            io = ClusterContext(one, "volumes")
            for number in range(20):
                await io.write(f"o{number}", 0, b"before")
            victim = embedded.osds[1]
            await victim.stop()
            for number in range(20):
                await io.write(f"o{number}", 0, b"during")
            embedded.osds[1] = embedded.daemon(1)
            await embedded.osds[1].start()

            async def is_clean() -> bool:
                status = await one.command("status")
                return bool(status["health"] == "HEALTH_OK") and set(status["pgs"]) == {"active+clean"}

            await until(is_clean)
            await embedded.osds[0].stop()
            for number in range(20):
                assert bytes((await io.read(f"o{number}", 0, 10)).data) == b"during"

    uvloop.run(go())


def test_a_watcher_hears_and_a_fenced_client_writes_no_more(tmp_path: Path) -> None:
    async def go() -> None:
        async with cluster(tmp_path) as embedded, client(embedded) as one, client(embedded) as other:
            io, fenced = ClusterContext(one, "volumes"), ClusterContext(other, "volumes")
            await fenced.write("o", 0, b"before")
            heard: list[bytes] = []

            async def hear(payload: bytes) -> None:
                heard.append(payload)

            watch = await fenced.watch("o", hear)
            assert (await io.notify("o", b"look")).acknowledged == (fenced.client_id,)
            assert heard == [b"look"]
            await watch.close()
            assert (await io.notify("o", b"look")).acknowledged == ()
            await io.fence(fenced.client_id)
            with pytest.raises(Blocklisted):
                await fenced.write("o", 0, b"after!")
            assert bytes((await io.read("o", 0, 6)).data) == b"before"

    uvloop.run(go())


def test_images_from_threads(tmp_path: Path) -> None:
    embedded = EmbeddedThread(tmp_path)
    embedded.start()
    store = open_block_store(embedded.url, SOON)
    try:
        store.create("one", 8 << 20)
        device = store.open("one")
        device.write((4 << 20) - 10, b"across two objects")
        store.create_snapshot("one", "s")
        device.write((4 << 20) - 10, b"overwritten afterw")
        device.close()
        store.protect("one", "s")
        store.clone("one", "s", "two")
        clone = store.open("two")
        assert clone.read((4 << 20) - 10, 18) == b"across two objects"
        clone.close()
        store.flatten("two")
        store.unprotect("one", "s")
        assert store.list() == ["one", "two"]
    finally:
        store.close()
        embedded.stop()


@pytest.mark.parametrize("url", ["", "file:///x", "quorate://", "quorate://host:1", "quorate:///pool", "http://h:1/p"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"quorate://host:6789|address"):
        StoreAddress.parse(url)

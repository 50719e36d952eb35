"""A replica works on the store from when it is there, and opens it anew when it was fenced."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.platform.worker import Part
from services.volume.local_store import LocalStore
from services.volume.work.keeper import Keeper
from services.volume.work.worker import Worker
from services.volume.work.workshop import Workshop
from storage.client.block_store import BlockStore
from storage.errors import Blocklisted, Unavailable
from tests.unit.volume_world import LEASE, World


class Fenced(LocalStore):
    """Takes nothing from this client any more."""

    def create(self, name: str, size: int) -> None:
        raise Blocklisted("fenced")


@pytest.fixture
def world() -> Iterator[World]:
    with tempfile.TemporaryDirectory() as directory:
        made = World(Path(directory))
        yield made
        made.close()


def wait_for(condition: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < give_up, f"not within 10 s: {what}"
        time.sleep(0.01)


def workshop(world: World, stores: list[BlockStore | Unavailable]) -> Workshop:
    """Opens the first of `stores`, and when it is asked again the next; the last one stays."""

    def open_store() -> BlockStore:
        found = stores.pop(0) if len(stores) > 1 else stores[0]
        if isinstance(found, Unavailable):
            raise found
        return found

    def furnish(store: BlockStore, fenced: Callable[[], None]) -> list[Part]:
        bench = world.bench()
        object.__setattr__(bench, "store", store)
        worker = Worker(bench, Keeper(world.transactor, LEASE), fenced)

        class Sweeping(Worker):
            def start(self) -> None:
                world.passed += LEASE * 2
                worker.sweep()

        return [Sweeping(bench, Keeper(world.transactor, LEASE)), worker]

    return Workshop(open_store, furnish)


def test_work_waits_for_a_store_that_is_not_there_yet(world: World) -> None:
    volume_id = world.volume()
    running = workshop(world, [Unavailable("not yet"), Unavailable("not yet"), world.store])
    running.start()
    wait_for(lambda: world.row(volume_id).status == "available", "the volume is made when the store is there")
    running.stop()
    world.check()


def test_a_fenced_replica_opens_the_store_anew_and_goes_on(world: World, tmp_path: Path) -> None:
    volume_id = world.volume()
    running = workshop(world, [Fenced(tmp_path / "fenced"), world.store])
    running.start()
    wait_for(lambda: world.row(volume_id).status == "available", "the volume is made through a new connection")
    running.stop()
    world.check()


def test_a_store_that_never_comes_keeps_nobody_from_stopping(world: World) -> None:
    running = workshop(world, [Unavailable("never")])
    running.start()
    began = time.monotonic()
    running.stop()
    assert time.monotonic() - began < 5

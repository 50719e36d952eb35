"""Where maps are kept: each epoch is written once, whoever tries, and nothing is lost or invented."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.mon.etcd_store import EtcdMapStore
from storage.mon.map_store import FolderMapStore, MapStore, MapStoreUnavailable, MemoryMapStore
from tests.unit import etcd_server

Open = Callable[[], MapStore]


@pytest.fixture(scope="module")
def etcd_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with etcd_server.running(tmp_path_factory.mktemp("etcd")) as etcd:
        yield etcd.port


@pytest.fixture(params=["memory", "folder", "etcd"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens the same store, as one more monitor."""
    if request.param == "memory":
        store = MemoryMapStore()
        return lambda: store
    if request.param == "folder":
        return lambda: FolderMapStore(tmp_path / "maps")
    port = request.getfixturevalue("etcd_port")
    return lambda: EtcdMapStore("127.0.0.1", port, tmp_path.name)


def fill(store: MapStore, last: int) -> None:
    for epoch in range(1, last + 1):
        assert store.put(epoch, b"map %d" % epoch)


def test_an_empty_store_has_no_map(opened: Open) -> None:
    store = opened()
    assert store.newest() is None
    assert store.between(1, 100) == []


def test_what_is_put_is_there_for_all(opened: Open) -> None:
    fill(opened(), 12)
    store = opened()
    assert store.newest() == (12, b"map 12")
    assert store.between(9, 11) == [b"map 9", b"map 10", b"map 11"]
    assert store.between(11, 1 << 60) == [b"map 11", b"map 12"]


def test_an_epoch_is_written_once(opened: Open) -> None:
    one, other = opened(), opened()
    assert one.put(1, b"mine")
    assert not other.put(1, b"yours")
    assert not one.put(1, b"mine")
    assert other.newest() == (1, b"mine")


def test_no_epoch_is_left_out(opened: Open) -> None:
    store = opened()
    fill(store, 2)
    assert not store.put(4, b"too far")
    assert store.newest() == (2, b"map 2")


def test_whoever_slept_does_not_write_what_was_forgotten(opened: Open) -> None:
    store = opened()
    fill(store, 9)
    store.trim(6)
    assert store.between(1, 100) == [b"map 6", b"map 7", b"map 8", b"map 9"]
    for epoch in (3, 5):
        assert not store.put(epoch, b"a fork of history")
    assert store.newest() == (9, b"map 9")
    assert store.put(10, b"map 10")


def test_of_many_that_race_one_wins(opened: Open) -> None:
    stores = [opened() for _ in range(4)]

    def race(who: int) -> list[int]:
        return [epoch for epoch in range(1, 21) if stores[who].put(epoch, b"%d" % who)]

    with ThreadPoolExecutor(4) as threads:
        won = list(threads.map(race, range(4)))
    assert sorted(epoch for epochs in won for epoch in epochs) == list(range(1, 21))
    for who, epochs in enumerate(won):
        assert all(stores[0].between(epoch, epoch) == [b"%d" % who] for epoch in epochs)


def test_a_folder_survives_a_write_that_was_interrupted(tmp_path: Path) -> None:
    store = FolderMapStore(tmp_path)
    fill(store, 2)
    (tmp_path / "3.new").write_bytes(b"half of a m")
    assert FolderMapStore(tmp_path).newest() == (2, b"map 2")
    assert store.put(3, b"map 3")
    assert FolderMapStore(tmp_path).newest() == (3, b"map 3")


@pytest.mark.slow
def test_etcd_that_is_away_is_said_so_and_comes_back(tmp_path: Path) -> None:
    with etcd_server.running(tmp_path / "etcd") as etcd:
        store = EtcdMapStore("127.0.0.1", etcd.port, "f", seconds=0.5)
        fill(store, 3)
        assert EtcdMapStore("127.0.0.1", etcd.port, "another cluster").newest() is None
        etcd.kill()
        with pytest.raises(MapStoreUnavailable, match="etcd"):
            store.newest()
        with pytest.raises(MapStoreUnavailable):
            store.put(4, b"map 4")
        etcd.start()
        assert store.newest() == (3, b"map 3")
        assert store.put(4, b"map 4")


def test_etcd_without_its_data_is_an_empty_store(tmp_path: Path) -> None:
    with etcd_server.running(tmp_path / "etcd") as etcd:
        fill(EtcdMapStore("127.0.0.1", etcd.port, "f"), 1)
        etcd.kill()
        shutil.rmtree(tmp_path / "etcd")
        etcd.start()
        assert EtcdMapStore("127.0.0.1", etcd.port, "f").newest() is None

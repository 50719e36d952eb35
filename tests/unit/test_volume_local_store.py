"""The store of local files keeps librbd's rules, and shows nothing half-made."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.volume.local_store import LocalStore
from services.volume.stores import open_store
from storage.errors import (
    BadRequest,
    ImageBusy,
    ImageExists,
    ImageNotFound,
    ReadOnly,
    SnapshotExists,
    SnapshotNotFound,
)

MIB = 1 << 20


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def put(store: LocalStore, name: str, data: bytes, offset: int = 0) -> None:
    device = store.open(name)
    device.write(offset, data)
    device.flush()
    device.close()


def get(store: LocalStore, name: str, length: int, *, snapshot: str | None = None) -> bytes:
    device = store.open(name, snapshot=snapshot, read_only=True)
    found = device.read(0, length)
    device.close()
    return found


def test_names_are_taken_once_and_sizes_are_kept(store: LocalStore) -> None:
    store.create("a", MIB)
    with pytest.raises(ImageExists):
        store.create("a", MIB)
    assert (store.info("a").size, store.list()) == (MIB, ["a"])
    store.rename("a", "b")
    store.resize("b", 2 * MIB)
    assert (store.info("b").size, store.list()) == (2 * MIB, ["b"])
    store.remove("b")
    for missing in (store.info, store.remove, store.open):
        with pytest.raises(ImageNotFound):
            missing("b")


def test_what_is_cut_off_is_gone(store: LocalStore) -> None:
    store.create("a", MIB)
    put(store, "a", b"x" * 100)
    store.resize("a", 50)
    store.resize("a", 100)
    assert get(store, "a", 100) == b"x" * 50 + bytes(50)


def test_a_snapshot_stays_as_it_was_and_can_be_returned_to(store: LocalStore) -> None:
    store.create("a", MIB)
    put(store, "a", b"old")
    store.create_snapshot("a", "s")
    with pytest.raises(SnapshotExists):
        store.create_snapshot("a", "s")
    put(store, "a", b"new")
    store.resize("a", 2 * MIB)
    assert get(store, "a", 3, snapshot="s") == b"old"
    store.rollback("a", "s")
    assert (get(store, "a", 3), store.info("a").size) == (b"old", MIB)
    with pytest.raises(SnapshotNotFound):
        store.rollback("a", "t")


def test_protection_and_children_hold_what_others_stand_on(store: LocalStore) -> None:
    store.create("a", MIB)
    put(store, "a", b"data")
    store.create_snapshot("a", "s")
    with pytest.raises(BadRequest):
        store.clone("a", "s", "c")
    store.protect("a", "s")
    store.protect("a", "s")
    store.clone("a", "s", "c")
    assert store.children("a", "s") == ["c"]
    store.rename("a", "b")
    parent = store.info("c").parent
    assert parent is not None
    assert (parent.image, parent.snapshot, parent.overlap) == ("b", "s", MIB)
    for held in (lambda: store.unprotect("b", "s"), lambda: store.remove_snapshot("b", "s"), lambda: store.remove("b")):
        with pytest.raises(ImageBusy):
            held()
    store.flatten("c")
    store.flatten("c")
    store.unprotect("b", "s")
    store.remove_snapshot("b", "s")
    store.remove("b")
    assert get(store, "c", 4) == b"data"


def test_a_device_has_an_end_and_may_be_for_reading_only(store: LocalStore) -> None:
    store.create("a", 100)
    device = store.open("a", read_only=True)
    for beyond in ((50, 51), (-1, 1), (0, -1)):
        with pytest.raises(BadRequest):
            device.read(*beyond)
    with pytest.raises(ReadOnly):
        device.write(0, b"x")
    device.close()
    device.close()


def test_discarded_ranges_read_as_zeros(store: LocalStore) -> None:
    store.create("a", 3 * MIB)
    put(store, "a", b"x" * (3 * MIB))
    device = store.open("a")
    device.discard(10, 2 * MIB)
    device.close()
    assert get(store, "a", 3 * MIB) == b"x" * 10 + bytes(2 * MIB) + b"x" * (MIB - 10)


def test_one_of_many_makes_an_image(store: LocalStore, tmp_path: Path) -> None:
    others = [LocalStore(tmp_path / "store") for _ in range(4)]

    def attempt(one: LocalStore) -> bool:
        try:
            one.create("a", MIB)
        except ImageExists:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, [store, *others] * 4)) == 1


def test_names_that_would_leave_the_directory_are_refused(store: LocalStore) -> None:
    for name in ("", ".", "../x", "a/b", ".lock"):
        with pytest.raises(BadRequest):
            store.create(name, 1)


def test_addresses_of_no_known_kind_are_refused(tmp_path: Path) -> None:
    open_store(f"file://{tmp_path}/new").create("a", 1)
    with pytest.raises(ValueError, match="no store is of the kind"):
        open_store("gopher://mon1/volumes")

"""What models need of the store in memory: they say when a change becomes durable, and when power is lost."""

from __future__ import annotations

import pytest

from storage.names import BLOCK, ObjectId, PgId
from storage.osd.memory_store import MemoryStore
from storage.osd.object_store import BlocksDamaged
from storage.osd.transaction import Put, Transaction

PG, A = PgId(1, 0), ObjectId("a")


def submit(store: MemoryStore, info: bytes, done: list[bytes]) -> None:
    store.submit(Transaction([Put(PG, A, info)]), lambda: done.append(info))


def test_the_oldest_become_durable_first() -> None:
    store, done = MemoryStore(), list[bytes]()
    for info in (b"1", b"2", b"3"):
        submit(store, info, done)
    store.commit(2)
    assert (store.pending, done, store.info(PG, A)) == (1, [b"1", b"2"], b"2")
    store.commit()
    assert (store.pending, done, store.info(PG, A)) == (0, [b"1", b"2", b"3"], b"3")


def test_a_crash_drops_what_waits() -> None:
    store, done = MemoryStore(), list[bytes]()
    submit(store, b"1", done)
    store.commit()
    submit(store, b"2", done)
    store.crash()
    store.commit()
    assert (store.pending, done, store.info(PG, A)) == (0, [b"1"], b"1")


def test_a_crash_in_a_callback_drops_what_was_to_follow() -> None:
    store, done = MemoryStore(), list[bytes]()
    store.submit(Transaction([Put(PG, A, b"1")]), store.crash)
    submit(store, b"2", done)
    store.commit()
    assert (done, store.info(PG, A)) == ([], b"1")


def test_a_flipped_block_is_damaged() -> None:
    store, made = MemoryStore(), Transaction()
    made.write(PG, A, 3, b"x" * BLOCK)
    store.submit(made, lambda: None)
    store.commit()
    store.flip(PG, A, 3)
    with pytest.raises(BlocksDamaged):
        store.read(PG, A, 0, 8)

"""The store in a directory: opening and closing, under load on the real disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
import uvloop

from storage.names import BLOCK
from storage.osd.memory_store import MemoryStore
from storage.osd.store.disk_store import DiskStore, StoreFailed, make
from storage.osd.store.superblock import NoStore, StoreBusy, exists
from storage.osd.transaction import (
    Punch,
    Transaction,
    Write,
    block_sums,
)
from tests.unit.store_machine import PG, SMALL, A, Machine, change, open_here, random_change
from tests.unit.store_power import HandLoop
from tests.unit.store_view import view


def test_a_store_knows_whose_it_is(machine: Machine) -> None:
    assert machine.store.superblock == SMALL
    assert exists(machine.directory)


def test_one_process_has_it_open(machine: Machine) -> None:
    with pytest.raises(StoreBusy):
        machine.open()
    machine.store.close()
    machine.open()


def test_no_store_is_opened_where_none_was_finished(tmp_path: Path) -> None:
    with pytest.raises(NoStore):
        DiskStore(tmp_path, HandLoop())
    assert not exists(tmp_path)
    make(tmp_path, SMALL)
    (tmp_path / "superblock").write_text((tmp_path / "superblock").read_text().replace('"format": 1', '"format": 9'))
    with pytest.raises(NoStore, match="format 9"):
        DiskStore(tmp_path, HandLoop())


def test_closing_commits_what_waits_and_calls_back(machine: Machine) -> None:
    called: list[int] = []
    for number in range(100):
        machine.store.submit(change(number), lambda number=number: called.append(number))  # type: ignore[misc]
    machine.store.close()
    assert called == list(range(100))
    with pytest.raises(StoreFailed):
        machine.store.submit(change(0), lambda: None)
    machine.open()
    assert len(machine.infos) == 100


def test_what_can_not_be_applied_is_refused(machine: Machine) -> None:
    data = bytes(2 * BLOCK)
    nonsense = [
        Transaction([Write(PG, A, 1023, block_sums(data))], [data]),
        Transaction([Write(PG, A, -1, block_sums(data))], [data]),
        Transaction([Write(PG, A, 0, block_sums(data))], [data[1:]]),
        Transaction([Write(PG, A, 0, block_sums(data))], []),
        Transaction([Write(PG, A, 0, ())], [b""]),
        Transaction([Punch(PG, A, -1, 2)]),
        Transaction([Write(PG, A, 0, block_sums(bytes(SMALL.journal_size)))], [bytes(SMALL.journal_size)]),
    ]
    for transaction in nonsense:
        with pytest.raises(ValueError, match=r"blocks|journal|checksums"):
            machine.store.submit(transaction, lambda: None)
    machine.settle()
    assert machine.store.pgs() == []


@pytest.mark.parametrize("patience", [1000.0, -1.0], ids=["inline", "thread"])
def test_real_files_threads_and_loop_under_load(tmp_path: Path, patience: float) -> None:
    """Many checkpoints behind the back of the writers, a death, and the same content as in memory."""
    make(tmp_path, SMALL)
    model = MemoryStore()

    async def load() -> None:
        store = open_here(tmp_path, asyncio.get_running_loop(), patience)
        random, done, count = Random(5), asyncio.Event(), 1500

        def acknowledge(number: int) -> Callable[[], None]:
            def acknowledged() -> None:
                model.commit(1)
                asyncio.get_running_loop().call_soon(submit, number + 16)
                if number == count - 1:
                    done.set()

            return acknowledged

        def submit(number: int) -> None:
            if number < count:
                made = random_change(random, number)
                model.submit(made, lambda: None)
                store.submit(made, acknowledge(number))

        for number in range(16):
            submit(number)
        async with asyncio.timeout(60):
            await done.wait()
        assert view(store) == view(model)
        store.abandon()

    async def look() -> None:
        for _ in range(2):
            with closing(open_here(tmp_path, asyncio.get_running_loop())) as store:
                assert view(store) == view(model)

    uvloop.run(load())
    uvloop.run(look())

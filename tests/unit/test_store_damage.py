"""The store on a damaged disk: what is torn, flipped or gone is found, and never passes for content."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
import uvloop

from storage.names import BLOCK, ObjectId
from storage.osd.object_store import BlocksDamaged
from storage.osd.store.database import IndexDamaged
from storage.osd.store.disk_store import make
from tests.unit.store_machine import PG, SMALL, Machine, change, open_here, random_change
from tests.unit.store_view import view


def test_a_torn_end_of_the_journal_is_no_damage(machine: Machine) -> None:
    for number in range(3):
        machine.put(number)
    machine.journal.flip(4 * BLOCK + 100)
    machine.restart()
    assert machine.infos == [b"0", b"1"]
    assert not machine.store.damaged_journal


def test_damage_before_later_changes_is_said_until_it_is_forgotten(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(4):
        machine.put(number)
    machine.journal.flip(2 * BLOCK + 100)
    with caplog.at_level(logging.ERROR):
        machine.restart()
    assert "Acknowledged changes are lost here" in caplog.text
    assert machine.infos == [b"0"]
    assert machine.store.damaged_journal
    machine.restart()
    assert machine.store.damaged_journal
    machine.store.forget_damage()
    machine.store.close()
    machine.open()
    assert not machine.store.damaged_journal


def test_changes_behind_damage_never_come_back(machine: Machine) -> None:
    for number in range(4):
        machine.put(number)
    machine.journal.flip(2 * BLOCK + 100)
    machine.restart()
    machine.put(9)
    machine.restart()
    assert machine.infos == [b"0", b"9"]


def test_any_flipped_byte_of_the_journal_is_found(tmp_path: Path) -> None:
    random = Random(1)
    for case in range(60):
        machine = Machine(tmp_path / str(case))
        for number in range(3):
            machine.put(number)
        machine.journal.flip(2 * BLOCK + random.randrange(BLOCK + 150))
        machine.restart()
        assert machine.infos == [b"0"]
        assert machine.store.damaged_journal
        machine.store.abandon()


def test_the_journal_goes_round_many_times(machine: Machine) -> None:
    for number in range(500):
        machine.store.submit(change(number % 90), lambda: None)
        if number % 7 == 0:
            machine.loop.turn()
        if number % 41 == 0:
            machine.settle()
    machine.settle()
    machine.restart()
    assert machine.infos == [b"%d" % number for number in range(90)]
    assert all(machine.store.scrub(PG, ObjectId(f"{number:04}")).damaged == () for number in range(90))


def test_a_flipped_bit_of_the_real_file_is_found(tmp_path: Path) -> None:
    make(tmp_path, SMALL)

    async def write() -> None:
        with closing(open_here(tmp_path, asyncio.get_running_loop())) as store:
            store.submit(change(1), lambda: None)

    async def read() -> None:
        with closing(open_here(tmp_path, asyncio.get_running_loop())) as store:
            with pytest.raises(BlocksDamaged):
                store.read(PG, ObjectId("0001"), 0, 1)
            assert store.scrub(PG, ObjectId("0001")).damaged == (0,)

    uvloop.run(write())
    with (tmp_path / "block").open("r+b") as file:
        file.seek(77)
        file.write(b"!")
    uvloop.run(read())


def test_a_flipped_bit_of_the_index_never_passes_for_content(machine: Machine) -> None:
    random, index = Random(3), machine.directory / "meta.db"
    for number in range(200):
        machine.store.submit(random_change(random, number), lambda: None)
        machine.settle()
    content = view(machine.store)
    machine.store.close()
    stored, noticed = index.read_bytes(), 0
    for _ in range(150):
        damaged = bytearray(stored)
        damaged[random.randrange(len(damaged))] ^= 1 << random.randrange(8)
        index.write_bytes(damaged)
        for name in ("meta.db-wal", "meta.db-shm"):
            (machine.directory / name).unlink(missing_ok=True)
        try:
            machine.open()
            assert view(machine.store) == content
        except (IndexDamaged, sqlite3.Error):
            noticed += 1
        machine.store.abandon()
    assert noticed > 20

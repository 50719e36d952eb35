"""The store on a disk that refuses, and how it gives space back."""

from __future__ import annotations

import asyncio
import errno
from contextlib import closing
from pathlib import Path

import pytest
import uvloop

from storage.names import BLOCK, ObjectId
from storage.osd.store.disk_store import StoreFailed, make
from storage.osd.store.superblock import Superblock
from storage.osd.transaction import (
    Buffer,
    Clone,
    Punch,
    Remove,
    Transaction,
    Write,
    block_sums,
)
from tests.unit.store_machine import A1, PG, SMALL, A, Machine, change, open_here
from tests.unit.store_power import PowerDisk, PowerFile


class Refusing(PowerFile):
    """Fails when told."""

    fails_to: str | None = None

    def write(self, offset: int, data: Buffer) -> None:
        if self.fails_to == "write":
            raise OSError(errno.ENOSPC, "no space")
        super().write(offset, data)

    def sync(self) -> None:
        if self.fails_to == "sync":
            raise OSError(errno.EIO, "broken")
        super().sync()


@pytest.mark.parametrize(("name", "fails_to"), [("journal", "sync"), ("journal", "write"), ("block", "write")])
def test_a_disk_that_refuses_stops_the_store(tmp_path: Path, name: str, fails_to: str) -> None:
    disk = PowerDisk()
    file = disk.files[name] = Refusing(disk, {})
    machine = Machine.__new__(Machine)
    machine.directory, machine.disk, machine.failures = tmp_path, disk, []
    make(tmp_path, SMALL, disk)
    machine.open()
    machine.put(1)
    file.fails_to = fails_to
    machine.store.submit(change(2), lambda: pytest.fail("acknowledged"))
    machine.store.submit(change(3), lambda: pytest.fail("acknowledged"))
    machine.settle()
    assert [type(failure) for failure in machine.failures] == [OSError]
    with pytest.raises(StoreFailed):
        machine.store.submit(change(4), lambda: None)
    machine.store.close()
    file.fails_to = None
    machine.open()
    assert machine.infos[0] == b"1"
    machine.store.close()


def test_a_checkpoint_that_fails_stops_the_store(tmp_path: Path) -> None:
    disk = PowerDisk()
    file = disk.files["block"] = Refusing(disk, {})
    machine = Machine.__new__(Machine)
    machine.directory, machine.disk, machine.failures = tmp_path, disk, []
    make(tmp_path, SMALL, disk)
    machine.open()
    file.fails_to = "sync"
    for number in range(40):
        machine.put(number) if not machine.failures else None
    assert len(machine.failures) == 1
    kept = len(machine.infos)
    machine.store.close()
    file.fails_to = None
    machine.open()
    assert len(machine.infos) == kept
    machine.store.close()


def test_space_comes_back_after_a_checkpoint_and_not_before(machine: Machine) -> None:
    data = bytes([7]) * (16 * BLOCK)
    machine.store.submit(Transaction([Write(PG, A, 0, block_sums(data))], [data]), lambda: None)
    machine.store.submit(Transaction([Clone(PG, A, A1)]), lambda: None)
    machine.settle()
    assert machine.disk.files["block"].taken() == 16 * BLOCK
    machine.store.submit(Transaction([Remove(PG, A)]), lambda: None)
    machine.store.close()
    assert machine.disk.files["block"].taken() == 16 * BLOCK
    machine.open()
    assert bytes(machine.store.read(PG, A1, 0, 16)) == data
    machine.store.submit(Transaction([Remove(PG, A1)]), lambda: None)
    machine.settle()
    assert machine.disk.files["block"].taken() == 16 * BLOCK
    machine.store.close()
    assert machine.disk.files["block"].taken() == 0


def test_punched_blocks_give_space_back_unless_they_were_written_again(machine: Machine) -> None:
    data = bytes([7]) * (16 * BLOCK)
    made = Transaction([Write(PG, A, 0, block_sums(data))], [data])
    made.add(Punch(PG, A, 2, 10))
    made.write(PG, A, 4, bytes([8]) * BLOCK)
    machine.store.submit(made, lambda: None)
    machine.settle()
    assert machine.disk.files["block"].taken() == 16 * BLOCK
    machine.store.close()
    assert machine.disk.files["block"].taken() == 7 * BLOCK
    machine.open()
    assert machine.store.extents(PG, A) == [(0, 2), (4, 1), (12, 4)]
    assert machine.store.scrub(PG, A).damaged == ()


def test_snapshots_take_only_what_was_written_since(machine: Machine) -> None:
    data = bytes([7]) * (16 * BLOCK)
    machine.store.submit(Transaction([Write(PG, A, 0, block_sums(data))], [data]), lambda: None)
    for snap in range(1, 11):
        made = Transaction([Clone(PG, A, ObjectId("a", snap))])
        made.write(PG, A, snap, bytes([snap]) * BLOCK)
        machine.store.submit(made, lambda: None)
    machine.settle()
    assert machine.disk.files["block"].taken() == 26 * BLOCK
    machine.restart()
    for snap in range(1, 11):
        blocks = [bytes(machine.store.read(PG, ObjectId("a", snap), number, 1)[:1]) for number in range(12)]
        assert blocks == [b"\7", *(bytes([number]) for number in range(1, snap)), *[b"\7"] * (12 - snap)]
    assert machine.store.extents(PG, A) == [(0, 16)]


def test_the_real_disk_gives_space_back(tmp_path: Path) -> None:
    make(tmp_path, Superblock(fsid="f", osd_uuid="u", osd_id=0, journal_size=8 << 20))
    data = bytes([1]) * (2 << 20)

    def store_once(transaction: Transaction) -> int:
        async def run() -> int:
            with closing(open_here(tmp_path, asyncio.get_running_loop())) as store:
                store.submit(transaction, lambda: None)
            with closing(open_here(tmp_path, asyncio.get_running_loop())) as store:
                return store.usage().used

        return uvloop.run(run())

    filled = store_once(Transaction([Write(PG, A, 0, block_sums(data))], [data]))
    emptied = store_once(Transaction([Remove(PG, A)]))
    assert filled - emptied >= len(data)

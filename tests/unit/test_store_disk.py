"""The store in a directory: opening and closing, damage, disks that refuse or are slow, space."""

from __future__ import annotations

import asyncio
import errno
import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
import uvloop

from storage.names import BLOCK, ObjectId, PgId
from storage.osd.memory_store import MemoryStore
from storage.osd.object_store import BlocksDamaged
from storage.osd.store.database import IndexDamaged
from storage.osd.store.disk_store import DiskStore, Settings, StoreFailed, make
from storage.osd.store.superblock import NoStore, StoreBusy, Superblock, exists
from storage.osd.transaction import (
    Buffer,
    Clone,
    Punch,
    Put,
    Remove,
    RemoveMeta,
    SetMeta,
    Transaction,
    Write,
    block_sums,
)
from tests.unit.store_power import HandLoop, HandThreads, PowerDisk, PowerFile
from tests.unit.store_view import view

PG = PgId(1, 3)
A, A1, B = ObjectId("a"), ObjectId("a", 1), ObjectId("b")
SMALL = Superblock(fsid="f", osd_uuid="u", osd_id=7, journal_size=256 << 10)
NO_RESERVE = Settings(reserve=0, reserve_share=0)


class Machine:
    """A store on a disk that tests can damage."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.disk = directory, PowerDisk()
        self.failures: list[BaseException] = []
        make(directory, SMALL, self.disk)
        self.open()

    def open(self) -> None:
        self.loop, self.threads = HandLoop(), HandThreads()
        self.store = DiskStore(
            self.directory,
            self.loop,
            on_failure=self.failures.append,
            settings=NO_RESERVE,
            disk=self.disk,
            threads=self.threads,
        )

    def settle(self) -> None:
        while self.loop.turn() or self.threads.turn():
            pass

    def restart(self) -> None:
        """The process dies and comes back."""
        self.store.abandon()
        self.open()

    def put(self, number: int) -> None:
        """One change, alone in its batch."""
        self.store.submit(change(number), lambda: None)
        self.settle()

    @property
    def journal(self) -> PowerFile:
        return self.disk.files["journal"]

    @property
    def infos(self) -> list[bytes]:
        return [info for _, info in self.store.list(PG)]


def change(number: int) -> Transaction:
    """The object `number`, with one block that is like no other."""
    made = Transaction()
    made.write(PG, ObjectId(f"{number:04}"), 0, (b"%d." % number).ljust(BLOCK, b"."))
    made.add(Put(PG, ObjectId(f"{number:04}"), b"%d" % number))
    return made


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path / "osd")
    yield made
    made.store.abandon()


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


def open_here(directory: Path, loop: asyncio.AbstractEventLoop, patience: float = 0.004) -> DiskStore:
    settings = Settings(reserve=0, reserve_share=0, cached_objects=8, patience=patience)
    return DiskStore(directory, loop, settings=settings)


def random_change(random: Random, number: int) -> Transaction:
    made = Transaction()
    name = ObjectId(f"o{random.randrange(40)}")
    match random.randrange(12):
        case 0:
            made.add(Clone(PG, name, name._replace(snap=random.randrange(1, 4))))
        case 1:
            made.add(Remove(PG, name._replace(snap=random.randrange(4))))
        case 2:
            made.add(Punch(PG, name, random.randrange(20), 10))
        case _:
            count = random.choice((1, 1, 1, 4))
            made.write(PG, name, random.randrange(20), (b"%d " % number).ljust(16, b".") * (count * BLOCK // 16))
    made.add(SetMeta(PG, f"log.{number:08}", b"entry"))
    made.add(RemoveMeta(PG, "log.", f"log.{max(0, number - 300):08}"))
    return made


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

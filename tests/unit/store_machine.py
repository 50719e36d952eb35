"""A store on a disk that tests can damage, and one on the real disk."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

from storage.names import BLOCK, ObjectId, PgId
from storage.osd.store.disk_store import DiskStore, Settings, make
from storage.osd.store.superblock import Superblock
from storage.osd.transaction import Clone, Punch, Put, Remove, RemoveMeta, SetMeta, Transaction
from tests.unit.store_power import HandLoop, HandThreads, PowerDisk, PowerFile

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

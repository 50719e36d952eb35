"""The object store of an OSD, in a directory: BlueStore's ideas on files.

    superblock   whose store it is
    journal      write-ahead log: a change is durable when it is here
    block        the objects' blocks, in slots of 4 MiB
    meta.db      the index as of the last checkpoint

Strictly write-ahead: nothing of a change touches `block` before the journal has all of it on the disk.
"""

from __future__ import annotations

import logging
from array import array
from bisect import bisect_right
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from storage.errors import StorageError
from storage.names import BLOCK, ObjectId, PgId
from storage.osd.object_store import Scrubbed, Usage
from storage.osd.store import journal, superblock
from storage.osd.store.background import Job, Loop, Threads
from storage.osd.store.blocks import Blocks, check
from storage.osd.store.checkpoint import Checkpoint
from storage.osd.store.commit import PATIENCE, Commit
from storage.osd.store.database import Database
from storage.osd.store.digest import digest
from storage.osd.store.files import Disk, RealDisk
from storage.osd.store.index import Index
from storage.osd.store.journal import Journal
from storage.osd.store.slots import SLOT
from storage.osd.store.space import Space
from storage.osd.store.superblock import DirectoryLock, Superblock
from storage.osd.store.trim import Trim
from storage.osd.transaction import Transaction

log = logging.getLogger(__name__)


class StoreFailed(StorageError):
    """The disk refused: nothing is stored any more, and what waited was never acknowledged."""

    code = "store_failed"


@dataclass(frozen=True, slots=True)
class Settings:
    """`reserve` bytes and `reserve_share` of the disk stay free; `cached_objects` have their checksums in memory."""

    reserve: int = 64 << 20
    reserve_share: float = 0.03
    cached_objects: int = 4096
    patience: float = PATIENCE


def make(directory: Path, whose: Superblock, disk: Disk | None = None) -> None:
    """Make an empty store, durable when this returns; nothing is left as it was."""
    if whose.journal_size % BLOCK or not whose.journal_size:
        raise ValueError("a journal has whole blocks")
    directory.mkdir(parents=True, exist_ok=True)
    for name in ("journal", "block", "meta.db", "meta.db-wal", "meta.db-shm"):
        (directory / name).unlink(missing_ok=True)
    disk = disk or RealDisk()
    file = disk.open(directory / "journal")
    journal.fill(file, whose.journal_size)
    file.close()
    file = disk.open(directory / "block")
    file.sync()
    file.close()
    Database.create(directory / "meta.db")
    superblock.sync_directory(directory.parent)
    superblock.sync_directory(directory)
    superblock.write(directory, whose)


class DiskStore:
    """An ObjectStore. All methods belong to the event loop's thread, and so do the callbacks."""

    def __init__(
        self,
        directory: Path,
        loop: Loop,
        *,
        on_failure: Callable[[BaseException], None] = lambda _: None,
        settings: Settings | None = None,
        disk: Disk | None = None,
        threads: Threads | None = None,
    ) -> None:
        """Open what `make` made, and replay its journal.

        Raises NoStore, StoreBusy, IndexDamaged; OSError or sqlite3.Error where the disk refuses.
        """
        settings, disk = settings or Settings(), disk or RealDisk()
        self.superblock = superblock.read(directory)
        self._on_failure = on_failure
        self._failure: BaseException | None = None
        self._is_closed = False
        with ExitStack() as opened:
            opened.callback(DirectoryLock(directory).release)
            database = opened.enter_context(closing(Database(directory / "meta.db")))
            self._block_file = opened.enter_context(closing(disk.open(directory / "block")))
            journal_file = opened.enter_context(closing(disk.open(directory / "journal")))
            if threads is None:
                threads = opened.enter_context(ThreadPoolExecutor(2, "store"))
            self._space = Space(disk, directory, settings.reserve, settings.reserve_share)
            kept, was_damaged = database.state()
            self._index = Index(database.objects(), database.keys(), database.blocks, settings.cached_objects)
            self._journal = Journal(journal_file, self.superblock.journal_size, kept)
            trim = Trim(self._block_file)
            self._blocks = Blocks(self._block_file, self._index, trim)
            self._checkpoint = Checkpoint(
                self._block_file,
                self._index,
                self._journal,
                database,
                trim,
                Job(loop, threads),
                self._made_room,
                self._failed,
            )
            self._commit = Commit(
                self._journal,
                self._blocks,
                Job(loop, threads),
                loop,
                lambda: self._checkpoint.is_running,
                self._applied,
                self._failed,
                settings.patience,
            )
            self._replay(was_damaged)
            self._resources = opened.pop_all()

    @property
    def damaged_journal(self) -> bool:
        """Acknowledged changes were lost here: this replica may lack what it once confirmed (until `forget_damage`)."""
        return self._checkpoint.is_damaged

    def forget_damage(self) -> None:
        """What was lost has come back from other replicas."""
        self._checkpoint.is_damaged = False

    def submit(self, transaction: Transaction, on_durable: Callable[[], None]) -> None:
        """Queue a change; its buffers may not change. Raises ClusterFull, StoreFailed; ValueError for nonsense."""
        if self._failure or self._is_closed:
            raise StoreFailed(f"the store has stopped: {self._failure or 'it was closed'}")
        length = check(transaction)
        if length > self._journal.size // 2:
            raise ValueError(f"a change of {length} bytes does not fit into the journal")
        if transaction.data:
            self._space.take(length)
        self._commit.add((transaction, on_durable))

    def info(self, pg: PgId, object_id: ObjectId) -> bytes | None:
        group = self._index.groups.get(pg)
        stored = group.objects.get(object_id) if group else None
        return stored.info if stored else None

    def read(self, pg: PgId, object_id: ObjectId, block: int, count: int) -> bytes:
        stored = self._index.find(pg, object_id)
        return self._blocks.read(stored, block, count) if stored else bytes(count * BLOCK)

    def extents(self, pg: PgId, object_id: ObjectId) -> list[tuple[int, int]]:
        stored = self._index.find(pg, object_id)
        return stored.extents() if stored else []

    def meta(self, pg: PgId, key: str) -> bytes | None:
        group = self._index.groups.get(pg)
        return group.keys.get(key) if group else None

    def meta_range(self, pg: PgId, first: str, end: str) -> list[tuple[str, bytes]]:
        group = self._index.groups.get(pg)
        return group.keys.range(first, end) if group else []

    def pgs(self) -> list[PgId]:
        return sorted(pg for pg, group in self._index.groups.items() if group.objects or group.keys)

    def scrub(self, pg: PgId, object_id: ObjectId) -> Scrubbed:
        stored = self._index.find(pg, object_id)
        if stored is None or stored.sums is None:
            return Scrubbed(digest(b"", array("Q")), ())
        return Scrubbed(digest(stored.info, stored.sums), self._blocks.verify(stored))

    def usage(self) -> Usage:
        """`total` is what the store has and could still get: the disk may be shared."""
        used = self._block_file.taken() + self._journal.size
        return Usage(used + self._space.free(), used)

    def close(self) -> None:
        """Commit what waits, call back for it, and make a checkpoint: the next opening has nothing to replay."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            while not (self._failure or self._commit.is_idle):
                self._checkpoint.wait()
                self._commit.drain()
            self._checkpoint.wait()
            if not self._failure:
                self._checkpoint.start()
                self._checkpoint.wait()
        finally:
            self._release()

    def abandon(self) -> None:
        """Drop everything, as the death of the process does."""
        if not self._is_closed:
            self._is_closed = True
            self._release()

    def list(self, pg: PgId, after: ObjectId | None = None, limit: int = 1000) -> list[tuple[ObjectId, bytes]]:
        group = self._index.groups.get(pg)
        if group is None:
            return []
        ids = group.ids()
        first = bisect_right(ids, after) if after else 0
        return [(object_id, group.objects[object_id].info) for object_id in ids[first : first + limit]]

    def _replay(self, was_damaged: bool) -> None:
        count = 0
        for transaction in self._journal.replay():
            self._blocks.apply(transaction)
            count += 1
        if count:
            log.info("Replayed %d changes from the journal", count)
        self._journal.begin_generation()
        self._checkpoint.is_damaged = was_damaged or self._journal.is_damaged
        self._checkpoint.start()
        self._checkpoint.wait()
        if self._failure:
            raise self._failure
        for slot in self._index.slots.free:
            self._block_file.punch(slot * SLOT, SLOT)

    def _applied(self) -> None:
        """A batch is in `block` and in the index."""
        if self._journal.used > self._journal.size // 2 and not self._checkpoint.is_running:
            self._checkpoint.start()

    def _made_room(self) -> None:
        self._commit.soon()

    def _failed(self, error: BaseException) -> None:
        """Fail and stop: after an error of a sync nobody knows what is on the disk (fsyncgate)."""
        log.critical("The disk refused, the store stops: %s", error)
        self._failure = error
        self._commit.stop()
        self._on_failure(error)

    def _release(self) -> None:
        self._commit.stop()
        self._checkpoint.abandon()
        self._resources.close()

"""The index on the disk: SQLite. Only checkpoints write: one transaction each, which names its place in the journal.

SQLite has no checksums of its own, so every row carries one (of an object's blocks a second one: they are read later).
"""

from __future__ import annotations

import contextlib
import sqlite3
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import xxhash

from storage.names import ObjectId, PgId
from storage.osd.store.journal import Mark
from storage.osd.store.stored_object import StoredObject

_SCHEMA = """
CREATE TABLE objects (
    pool INTEGER, seed INTEGER, name TEXT, snap INTEGER,
    info BLOB, slot INTEGER, shares BLOB, checksum BLOB,
    blocks_checksum BLOB, homes BLOB, sums BLOB,
    PRIMARY KEY (pool, seed, name, snap)
);
CREATE TABLE keys (
    pool INTEGER, seed INTEGER, key TEXT, value BLOB, checksum BLOB,
    PRIMARY KEY (pool, seed, key)
) WITHOUT ROWID;
CREATE TABLE state (position INTEGER, sequence INTEGER, generation INTEGER, damaged INTEGER, checksum BLOB);
"""
_KEY = "pool = ? AND seed = ? AND name = ? AND snap = ?"
_shares = msgspec.msgpack.Decoder(dict[int, int])
BlockMap = tuple["array[int]", "array[int] | None"]
ObjectRow = tuple[int, int, str, int, bytes, int, bytes | None, bytes, bytes, bytes | None, bytes]
_encode = msgspec.msgpack.Encoder().encode


class IndexDamaged(Exception):
    """A row that does not fit its checksum: the store has to be made anew and filled by other replicas."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What became different since the checkpoint before, as of one place in the journal."""

    mark: Mark
    objects: list[ObjectRow]
    removed_objects: list[tuple[int, int, str, int]]
    keys: list[tuple[int, int, str, bytes]]
    removed_keys: list[tuple[int, int, str]]
    is_damaged: bool


def object_row(stored: StoredObject) -> ObjectRow:
    """A copy of what an object is now."""
    assert stored.sums is not None
    shares = _encode(stored.shares) if stored.shares else None
    named = (*stored.pg, *stored.id, stored.info, stored.slot, shares)
    homes, sums = stored.homes.tobytes() if stored.homes is not None else None, stored.sums.tobytes()
    return (*named, _checksum(named), _checksum((homes, sums)), homes, sums)


def _checksum(fields: tuple[object, ...]) -> bytes:
    return xxhash.xxh3_64_digest(_encode(fields))


def _check(fields: tuple[object, ...], checksum: bytes, what: str) -> None:
    if _checksum(fields) != checksum:
        raise IndexDamaged(f"{what} is damaged in the index: make this store anew, other replicas will fill it")


class Database:
    """One connection writes, in the thread of the checkpoint; another one reads, in the event loop's."""

    def __init__(self, path: Path) -> None:
        self._writer = _connect(path)
        self._reader = _connect(path)

    @staticmethod
    def create(path: Path) -> None:
        """Make an empty index."""
        with contextlib.closing(_connect(path)) as connection:
            connection.executescript(_SCHEMA)
            state = (0, 0, 0, 0)
            connection.execute("INSERT INTO state VALUES (?, ?, ?, ?, ?)", (*state, _checksum(state)))

    def state(self) -> tuple[Mark, bool]:
        """Where the last checkpoint was, and whether the journal was found damaged. Raises IndexDamaged."""
        (verdict,) = self._reader.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":  # rows that got lost have no checksum
            raise IndexDamaged(f"the index is damaged ({verdict}): make this store anew, other replicas will fill it")
        query = "SELECT position, sequence, generation, damaged, checksum FROM state"
        *fields, checksum = self._reader.execute(query).fetchone() or (0, 0, 0, 0, b"")
        _check(tuple(fields), checksum, "the state")
        position, sequence, generation, damaged = fields
        return Mark(position, sequence, generation), bool(damaged)

    def objects(self) -> Iterator[StoredObject]:
        """All objects, without their sums and homes."""
        rows = self._reader.execute("SELECT pool, seed, name, snap, info, slot, shares, checksum FROM objects")
        for *fields, checksum in rows:
            _check(tuple(fields), checksum, "an object")
            pool, seed, name, snap, info, slot, shares = fields
            stored = StoredObject(PgId(pool, seed), ObjectId(name, snap))
            stored.info, stored.slot, stored.sums = info, slot, None
            stored.shares = _shares.decode(shares) if shares else {}
            yield stored

    def keys(self) -> Iterator[tuple[int, int, str, bytes]]:
        """All keys of all placement groups, in order."""
        rows = self._reader.execute("SELECT pool, seed, key, value, checksum FROM keys ORDER BY pool, seed, key")
        for pool, seed, key, value, checksum in rows:
            _check((pool, seed, key, value), checksum, "a key")
            yield pool, seed, key, value

    def blocks(self, pg: PgId, object_id: ObjectId) -> BlockMap:
        """The sums and homes of an object, as the last checkpoint stored them."""
        query = f"SELECT homes, sums, blocks_checksum FROM objects WHERE {_KEY}"  # noqa: S608
        homes, sums, checksum = self._reader.execute(query, (*pg, *object_id)).fetchone() or (None, b"", b"")
        _check((homes, sums), checksum, f"the map of {object_id} in {pg}")
        return array("Q", sums), array("I", homes) if homes is not None else None

    def store(self, changes: Changes) -> None:
        """Durable, all or nothing."""
        mark, write = changes.mark, self._writer
        with write:
            write.execute("BEGIN IMMEDIATE")
            write.executemany(f"DELETE FROM objects WHERE {_KEY}", changes.removed_objects)  # noqa: S608
            write.executemany(
                "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", changes.objects
            )
            write.executemany("DELETE FROM keys WHERE pool = ? AND seed = ? AND key = ?", changes.removed_keys)
            keys = ((*row, _checksum(row)) for row in changes.keys)
            write.executemany("INSERT OR REPLACE INTO keys VALUES (?, ?, ?, ?, ?)", keys)
            state = (mark.position, mark.sequence, mark.generation, int(changes.is_damaged))
            write.execute(
                "UPDATE state SET position = ?, sequence = ?, generation = ?, damaged = ?, checksum = ?",
                (*state, _checksum(state)),
            )

    def close(self) -> None:
        self._reader.close()
        self._writer.close()


def _connect(path: Path) -> sqlite3.Connection:
    # In autocommit mode, so that BEGIN is ours; the connections are handed from thread to thread, never shared.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection

"""The blocks of objects in the file `block`, and what a transaction does to them and to the index."""

from __future__ import annotations

from collections.abc import Iterator

import xxhash

from storage.names import BLOCK, OBJECT_SIZE
from storage.osd.object_store import BlocksDamaged
from storage.osd.store import record
from storage.osd.store.files import File
from storage.osd.store.index import Index
from storage.osd.store.slots import SLOT
from storage.osd.store.stored_object import NO_SLOT, StoredObject
from storage.osd.store.trim import Trim
from storage.osd.transaction import (
    Buffer,
    Clone,
    Punch,
    Put,
    Remove,
    RemoveMeta,
    RemovePg,
    SetMeta,
    Transaction,
    Write,
)

_BLOCKS = OBJECT_SIZE // BLOCK


def check(transaction: Transaction) -> int:
    """The bytes that a change takes in the journal. Raises ValueError for one that could not be applied."""
    data = iter(transaction.data)
    for op in transaction.ops:
        if type(op) is Write:
            piece = next(data, b"")
            if len(piece) != len(op.sums) * BLOCK or not op.sums:
                raise ValueError(f"a write to {op.object} has {len(op.sums)} checksums for {len(piece)} bytes")
            if not 0 <= op.block <= _BLOCKS - len(op.sums):
                raise ValueError(f"blocks {op.block} to {op.block + len(op.sums)} of {op.object} are beyond its slot")
        elif type(op) is Punch and (op.block < 0 or op.count < 0):
            raise ValueError(f"blocks of {op.object} can't be negative")
    return record.size(transaction)


class Blocks:
    """Applies journaled transactions, and reads."""

    def __init__(self, file: File, index: Index, trim: Trim) -> None:
        self._file, self._index, self._trim = file, index, trim

    def apply(self, transaction: Transaction) -> None:
        """Carry out a durable change, in the order of the journal."""
        data = iter(transaction.data)
        index = self._index
        for op in transaction.ops:
            if type(op) is Write:
                self._write(op, next(data))
            elif type(op) is Put:
                index.make(op.pg, op.object).info = op.info
            elif type(op) is SetMeta:
                index.set_key(op.pg, op.key, op.value)
            elif type(op) is RemoveMeta:
                index.remove_keys(op.pg, op.first, op.end)
            elif type(op) is Punch:
                if stored := index.change(op.pg, op.object):
                    stored.punch(index.slots, op.block, op.count)
                    self._trim.note(stored, op.block, op.count)
            elif type(op) is Clone:
                self._clone(op)
            elif type(op) is Remove:
                index.remove(op.pg, op.object)
            elif type(op) is RemovePg:
                index.remove_group(op.pg)

    def _write(self, op: Write, data: Buffer) -> None:
        stored = self._index.make(op.pg, op.object)
        if stored.slot == NO_SLOT:
            stored.slot = self._index.slots.allocate()
        self._file.write(stored.slot * SLOT + op.block * BLOCK, data)
        stored.set_sums(self._index.slots, op.block, op.sums)

    def _clone(self, op: Clone) -> None:
        if op.source != op.target and (source := self._index.change(op.pg, op.source)):
            self._index.make(op.pg, op.target).clone_from(self._index.slots, source)

    def read(self, stored: StoredObject, block: int, count: int) -> bytes:
        """Whole blocks. Raises BlocksDamaged."""
        sums = stored.sums
        assert sums is not None
        if count == 1 and stored.homes is None and block < len(sums) and sums[block]:
            data = self._file.read(stored.slot * SLOT + block * BLOCK, BLOCK)
            if xxhash.xxh3_64_intdigest(data) != sums[block]:
                raise BlocksDamaged(stored.pg, stored.id, (block,))
            return data
        return self._read_pieces(stored, block, count)

    def _read_pieces(self, stored: StoredObject, block: int, count: int) -> bytes:
        pieces: list[bytes] = []
        damaged: list[int] = []
        at = block
        for slot, first, length in stored.pieces(block, count):
            if first > at:
                pieces.append(bytes((first - at) * BLOCK))
            data = self._file.read(slot * SLOT + first * BLOCK, length * BLOCK)
            damaged += _damaged(stored, first, length, data)
            pieces.append(data)
            at = first + length
        if damaged:
            raise BlocksDamaged(stored.pg, stored.id, tuple(damaged))
        if at < block + count:
            pieces.append(bytes((block + count - at) * BLOCK))
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def verify(self, stored: StoredObject) -> tuple[int, ...]:
        """Read all from the disk, if it can be had; the blocks that are damaged."""
        damaged: list[int] = []
        for slot, first, length in stored.pieces(0, _BLOCKS):
            offset = slot * SLOT + first * BLOCK
            self._file.forget(offset, length * BLOCK)
            damaged += _damaged(stored, first, length, self._file.read(offset, length * BLOCK))
        return tuple(damaged)


def _damaged(stored: StoredObject, first: int, count: int, data: bytes) -> Iterator[int]:
    """Which of the blocks do not fit their checksums."""
    view, digest = memoryview(data), xxhash.xxh3_64_intdigest
    assert stored.sums is not None
    for index, checksum in enumerate(stored.sums[first : first + count]):
        if digest(view[index * BLOCK : (index + 1) * BLOCK]) != checksum:
            yield first + index

"""The object store of models and fast tests: no threads, no files, durable exactly when the test says so.

It is also the short answer to what a transaction means, op by op; the store on the disk does the same.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable

import xxhash

from storage.errors import ClusterFull
from storage.names import BLOCK, ObjectId, PgId
from storage.osd.object_store import BlocksDamaged, Scrubbed, Usage
from storage.osd.store.digest import digest
from storage.osd.store.ordered_keys import OrderedKeys
from storage.osd.transaction import (
    Buffer,
    Clone,
    Op,
    Punch,
    Put,
    Remove,
    RemoveMeta,
    RemovePg,
    SetMeta,
    Transaction,
    Write,
)

_ZEROS = bytes(BLOCK)


class _Object:
    __slots__ = ("blocks", "info")

    def __init__(self) -> None:
        self.info = b""
        #: Block number to (checksum, bytes). The bytes never change, so clones share them.
        self.blocks: dict[int, tuple[int, bytes]] = {}


class _Group:
    __slots__ = ("keys", "objects")

    def __init__(self) -> None:
        self.objects: dict[ObjectId, _Object] = {}
        self.keys = OrderedKeys()

    def make(self, object_id: ObjectId) -> _Object:
        found = self.objects.get(object_id)
        if found is None:
            found = self.objects[object_id] = _Object()
        return found


class MemoryStore:
    """An ObjectStore whose disk is slow on purpose: `commit` makes the oldest waiting changes durable and visible."""

    def __init__(self, capacity: int = 1 << 40) -> None:
        self._groups: dict[PgId, _Group] = {}
        self._waiting: deque[tuple[Transaction, Callable[[], None]]] = deque()
        self.capacity = capacity
        #: Set by a test: changes with data are refused.
        self.is_full = False

    @property
    def pending(self) -> int:
        """How many changes wait to become durable."""
        return len(self._waiting)

    def submit(self, transaction: Transaction, on_durable: Callable[[], None]) -> None:
        """Queue a change until a `commit`. Raises ClusterFull."""
        if self.is_full and transaction.data:
            raise ClusterFull("no space left for data")
        self._waiting.append((transaction, on_durable))

    def commit(self, count: int | None = None) -> None:
        """Make the oldest `count` changes durable (default: all that wait now) and call back for each."""
        for _ in range(len(self._waiting) if count is None else count):
            if not self._waiting:
                return
            transaction, on_durable = self._waiting.popleft()
            self._apply(transaction)
            on_durable()

    def crash(self) -> None:
        """Lose power: what waits is gone, and nobody is called back for it."""
        self._waiting.clear()

    def flip(self, pg: PgId, object_id: ObjectId, block: int) -> None:
        """Damage a stored block, as a disk may. Raises KeyError where there is none."""
        blocks = self._groups[pg].objects[object_id].blocks
        checksum, data = blocks[block]
        blocks[block] = (checksum, bytes((data[0] ^ 1,)) + data[1:])

    def info(self, pg: PgId, object_id: ObjectId) -> bytes | None:
        found = self._find(pg, object_id)
        return found.info if found else None

    def read(self, pg: PgId, object_id: ObjectId, block: int, count: int) -> bytes:
        found = self._find(pg, object_id)
        if not found:
            return bytes(count * BLOCK)
        pieces, damaged = [], []
        for number in range(block, block + count):
            stored = found.blocks.get(number)
            if stored is None:
                pieces.append(_ZEROS)
                continue
            pieces.append(stored[1])
            if xxhash.xxh3_64_intdigest(stored[1]) != stored[0]:
                damaged.append(number)
        if damaged:
            raise BlocksDamaged(pg, object_id, tuple(damaged))
        return pieces[0] if count == 1 else b"".join(pieces)

    def extents(self, pg: PgId, object_id: ObjectId) -> list[tuple[int, int]]:
        found = self._find(pg, object_id)
        extents: list[tuple[int, int]] = []
        for number in sorted(found.blocks) if found else ():
            if extents and sum(extents[-1]) == number:
                extents[-1] = (extents[-1][0], extents[-1][1] + 1)
            else:
                extents.append((number, 1))
        return extents

    def meta(self, pg: PgId, key: str) -> bytes | None:
        group = self._groups.get(pg)
        return group.keys.get(key) if group else None

    def meta_range(self, pg: PgId, first: str, end: str) -> list[tuple[str, bytes]]:
        group = self._groups.get(pg)
        return group.keys.range(first, end) if group else []

    def pgs(self) -> list[PgId]:
        return sorted(pg for pg, group in self._groups.items() if group.objects or group.keys)

    def scrub(self, pg: PgId, object_id: ObjectId) -> Scrubbed:
        found = self._find(pg, object_id) or _Object()
        sums = array("Q", bytes(8 * (max(found.blocks, default=-1) + 1)))
        damaged = []
        for number, (checksum, data) in sorted(found.blocks.items()):
            sums[number] = checksum
            if xxhash.xxh3_64_intdigest(data) != checksum:
                damaged.append(number)
        return Scrubbed(digest(found.info, sums), tuple(damaged))

    def usage(self) -> Usage:
        blocks = sum(len(found.blocks) for group in self._groups.values() for found in group.objects.values())
        return Usage(self.capacity, blocks * BLOCK)

    def close(self) -> None:
        self.commit()

    def list(self, pg: PgId, after: ObjectId | None = None, limit: int = 1000) -> list[tuple[ObjectId, bytes]]:
        group = self._groups.get(pg)
        if group is None:
            return []
        ids = sorted(object_id for object_id in group.objects if after is None or object_id > after)
        return [(object_id, group.objects[object_id].info) for object_id in ids[:limit]]

    def _find(self, pg: PgId, object_id: ObjectId) -> _Object | None:
        group = self._groups.get(pg)
        return group.objects.get(object_id) if group else None

    def _apply(self, transaction: Transaction) -> None:
        data = iter(transaction.data)
        for op in transaction.ops:
            if type(op) is RemovePg:
                self._groups.pop(op.pg, None)
                continue
            group = self._groups.get(op.pg)
            if group is None:
                group = self._groups[op.pg] = _Group()
            if type(op) is Write:
                _write(group.make(op.object).blocks, op, next(data))
            else:
                _change(group, op)


def _write(blocks: dict[int, tuple[int, bytes]], op: Write, data: Buffer) -> None:
    if len(op.sums) == 1:
        blocks[op.block] = (op.sums[0], bytes(data))
        return
    view = memoryview(data)
    for index, checksum in enumerate(op.sums):
        blocks[op.block + index] = (checksum, bytes(view[index * BLOCK : (index + 1) * BLOCK]))


def _change(group: _Group, op: Op) -> None:
    """Anything but a write. Punching, cloning or removing what is missing changes nothing."""
    match op:
        case Put():
            group.make(op.object).info = op.info
        case SetMeta():
            group.keys.set(op.key, op.value)
        case RemoveMeta():
            group.keys.remove(op.first, op.end)
        case Punch():
            if found := group.objects.get(op.object):
                for number in range(op.block, op.block + op.count):
                    found.blocks.pop(number, None)
        case Clone():
            if source := group.objects.get(op.source):
                group.make(op.target).blocks = dict(source.blocks)
        case Remove():
            group.objects.pop(op.object, None)

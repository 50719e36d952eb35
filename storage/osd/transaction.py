"""A change of an object store, all or nothing: what is journaled on a disk and sent to replicas is the same bytes.

Data travels in whole blocks, each with its checksum (xxh3, 64 bits) from the moment a primary made it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import xxhash

from storage.names import BLOCK, ObjectId, PgId

Buffer = bytes | bytearray | memoryview


class Write(msgspec.Struct, tag="w", array_like=True, frozen=True, gc=False):
    """`len(sums)` whole blocks at block number `block`; their bytes follow in the transaction's data."""

    pg: PgId
    object: ObjectId
    block: int
    sums: tuple[int, ...]


class Punch(msgspec.Struct, tag="p", array_like=True, frozen=True, gc=False):
    """Blocks that become holes: they read as zeros and take no space."""

    pg: PgId
    object: ObjectId
    block: int
    count: int


class Put(msgspec.Struct, tag="o", array_like=True, frozen=True, gc=False):
    """Create the object where it is missing, and set what is known about it (opaque to the store)."""

    pg: PgId
    object: ObjectId
    info: bytes


class Clone(msgspec.Struct, tag="c", array_like=True, frozen=True, gc=False):
    """`target` gets the blocks that `source` has at this point of the order (its info comes by a Put)."""

    pg: PgId
    source: ObjectId
    target: ObjectId


class Remove(msgspec.Struct, tag="r", array_like=True, frozen=True, gc=False):
    """The object and its blocks go; nothing where it is missing."""

    pg: PgId
    object: ObjectId


class SetMeta(msgspec.Struct, tag="m", array_like=True, frozen=True, gc=False):
    """A small value of a placement group under an ordered key."""

    pg: PgId
    key: str
    value: bytes


class RemoveMeta(msgspec.Struct, tag="d", array_like=True, frozen=True, gc=False):
    """Forget all keys with first <= key < end."""

    pg: PgId
    first: str
    end: str


class RemovePg(msgspec.Struct, tag="x", array_like=True, frozen=True, gc=False):
    """Everything of a placement group goes: objects, blocks, keys."""

    pg: PgId


Op = Write | Punch | Put | Clone | Remove | SetMeta | RemoveMeta | RemovePg
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[Op, ...])


def block_sums(data: Buffer) -> tuple[int, ...]:
    """The checksum of each block of `data`, whose length must be a multiple of BLOCK."""
    if len(data) == BLOCK:
        return (xxhash.xxh3_64_intdigest(data),)
    view = memoryview(data)
    return tuple(xxhash.xxh3_64_intdigest(view[start : start + BLOCK]) for start in range(0, len(view), BLOCK))


class Transaction:
    """Changes in the order in which they apply. `head` is their encoded form but for the data of writes."""

    __slots__ = ("_head", "data", "ops")

    def __init__(self, ops: Sequence[Op] = (), data: Sequence[Buffer] = ()) -> None:
        self.ops: list[Op] = list(ops)
        #: One buffer per Write, in the order of the ops.
        self.data: list[Buffer] = list(data)
        self._head: bytes | None = None

    def write(self, pg: PgId, object_id: ObjectId, block: int, data: Buffer) -> None:
        """Add a write of whole blocks; computes their checksums."""
        self.ops.append(Write(pg, object_id, block, block_sums(data)))
        self.data.append(data)

    def add(self, op: Op) -> None:
        """Add any other change."""
        self.ops.append(op)

    @property
    def head(self) -> bytes:
        """The ops, encoded (msgpack); add nothing afterwards."""
        if self._head is None:
            self._head = _encoder.encode(self.ops)
        return self._head

    @classmethod
    def decode(cls, head: Buffer, data: Buffer, *, verify: bool = True) -> Transaction:
        """From what `head` and the joined `data` were. Raises ValueError where lengths or checksums do not fit."""
        transaction = cls(_decoder.decode(head))
        transaction._head = bytes(head)
        view, at = memoryview(data), 0
        for op in transaction.ops:
            if type(op) is Write:
                length = len(op.sums) * BLOCK
                piece = view[at : at + length]
                if len(piece) != length:
                    raise ValueError("the data of a transaction is shorter than its writes")
                if verify and block_sums(piece) != op.sums:
                    raise ValueError(f"block checksums of {op.object} do not fit")
                transaction.data.append(piece)
                at += length
        if at != len(view):
            raise ValueError("the data of a transaction is longer than its writes")
        return transaction

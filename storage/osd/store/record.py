"""One entry of the journal: a header, the encoded changes, and the data of their writes.

    magic | generation | sequence | batch | length of head | length of data | checksum of all of it | head | data

The entries that are written by one `pwritev` are a batch. Each names the position where its batch begins: what comes
from a later batch proves that this one was once durable, so a torn end of the journal can be told from damage.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import xxhash

from storage.osd.transaction import Buffer, Transaction

_FIELDS = struct.Struct("<4sIQQII")
_CHECKSUM = struct.Struct("<Q")
MAGIC = b"QJ01"
HEADER = _FIELDS.size + _CHECKSUM.size


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before an entry; `length` is of the whole entry."""

    generation: int
    sequence: int
    batch: int
    head: int
    data: int
    checksum: int

    @property
    def length(self) -> int:
        return HEADER + self.head + self.data


def size(transaction: Transaction) -> int:
    """How many bytes of the journal an entry takes."""
    return HEADER + len(transaction.head) + sum(map(len, transaction.data))


def encode(transaction: Transaction, generation: int, sequence: int, batch: int) -> list[Buffer]:
    """The entry in pieces."""
    head, data = transaction.head, transaction.data
    fields = _FIELDS.pack(MAGIC, generation, sequence, batch, len(head), sum(map(len, data)))
    state = xxhash.xxh3_64(fields + head)
    for piece in data:
        state.update(piece)
    return [fields + _CHECKSUM.pack(state.intdigest()) + head, *data]


def decode_header(raw: bytes) -> Header | None:
    """None where these bytes are no header; whether the entry is whole is not known yet."""
    if len(raw) < HEADER or raw[: len(MAGIC)] != MAGIC:
        return None
    _, generation, sequence, batch, head, data = _FIELDS.unpack_from(raw)
    return Header(generation, sequence, batch, head, data, *_CHECKSUM.unpack_from(raw, _FIELDS.size))


def decode(header: Header, raw: bytes) -> Transaction | None:
    """The changes, from all bytes of the entry; None where they don't fit the checksum."""
    body = memoryview(raw)[HEADER:]
    state = xxhash.xxh3_64(raw[: _FIELDS.size])
    state.update(body)
    if len(raw) != header.length or state.intdigest() != header.checksum:
        return None
    return Transaction.decode(body[: header.head], body[header.head :], verify=False)

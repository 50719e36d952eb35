"""The write-ahead journal: a file used as a ring, written with zeros once so that syncing it never changes metadata.

Positions count bytes since the store was made; a position's place in the file is its remainder. Batches begin at
multiples of a block, so that no durable byte is ever written again before a checkpoint made it needless.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from storage.names import BLOCK
from storage.osd.store import record
from storage.osd.store.files import File
from storage.osd.transaction import Buffer, Transaction

log = logging.getLogger(__name__)
_ZEROS = bytes(BLOCK)
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the journal: where the next batch begins, and with which sequence number, in which generation."""

    position: int = 0
    sequence: int = 0
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """Encoded entries and where they go."""

    position: int
    pieces: Sequence[Buffer]
    length: int


def aligned(position: int) -> int:
    """The first multiple of a block that is not before `position`."""
    return -(-position // BLOCK) * BLOCK


def fill(file: File, size: int) -> None:
    """Make a journal of `size` bytes."""
    chunk = bytes(min(_CHUNK, size))
    for offset in range(0, size, len(chunk)):
        file.write(offset, chunk[: size - offset])
    file.sync()


class Journal:
    """`kept` is the last checkpoint's mark: what lies between it and `end` may not be written over."""

    def __init__(self, file: File, size: int, kept: Mark) -> None:
        self._file, self.size = file, size
        self.kept = self.end = kept
        #: Set by `replay`: acknowledged changes are missing.
        self.is_damaged = False

    @property
    def used(self) -> int:
        """Bytes that a checkpoint would free."""
        return self.end.position - self.kept.position

    @property
    def room(self) -> int:
        """Bytes that can be written before a checkpoint."""
        return self.size - self.used

    def prepare(self, transactions: Sequence[Transaction]) -> Batch:
        """Give entries their numbers and places; they must fit into `room`. Write the batches in this order."""
        start, generation, sequence = self.end.position, self.end.generation, self.end.sequence
        pieces: list[Buffer] = []
        for transaction in transactions:
            pieces += record.encode(transaction, generation, sequence, start)
            sequence += 1
        length = sum(map(len, pieces))
        padding = -length % BLOCK
        if padding:
            pieces.append(_ZEROS[:padding])
        self.end = Mark(start + length + padding, sequence, generation)
        return Batch(start, pieces, length + padding)

    def write(self, batch: Batch) -> None:
        """Make a batch durable; may run in a thread."""
        offset = batch.position % self.size
        until_end = self.size - offset
        if batch.length <= until_end:
            self._file.write_all(offset, batch.pieces)
        else:
            joined = memoryview(b"".join(batch.pieces))
            self._file.write(offset, joined[:until_end])
            self._file.write(0, joined[until_end:])
        self._file.sync()

    def replay(self) -> Iterator[Transaction]:
        """All whole entries behind `kept`, in order; afterwards `end` is behind the last of them."""
        position, sequence, generation = self.kept.position, self.kept.sequence, self.kept.generation
        while found := self._entry(position, sequence) or self._entry(aligned(position), sequence):
            position, transaction = found
            sequence += 1
            yield transaction
        later = self._later_batch(aligned(position), sequence)
        if later is not None:
            self.is_damaged = True
            log.error(
                "The journal is damaged at position %d: change %d can't be read, but the later change %d can. "
                "Acknowledged changes are lost here and must come from other replicas.",
                position, sequence, later,
            )  # fmt: skip
        self.end = Mark(aligned(position), sequence, generation)

    def begin_generation(self) -> Mark:
        """What a replay left unread never counts again, once a checkpoint stored this mark."""
        self.end = Mark(self.end.position, self.end.sequence, self.end.generation + 1)
        return self.end

    def _entry(self, position: int, sequence: int) -> tuple[int, Transaction] | None:
        """The entry with this number at this position, and where it ends; None if there is none, or half of one."""
        header = record.decode_header(self._read(position, record.HEADER))
        if header is None or (header.generation, header.sequence) != (self.kept.generation, sequence):
            return None
        if header.length > self.kept.position + self.size - position:
            return None
        transaction = record.decode(header, self._read(position, header.length))
        return (position + header.length, transaction) if transaction else None

    def _later_batch(self, position: int, sequence: int) -> int | None:
        """The number of a whole entry that begins a batch behind `position`: all before it was once durable."""
        end = self.kept.position + self.size
        for start in range(position, end, _CHUNK):
            chunk = self._read(start, min(_CHUNK, end - start))
            for offset in range(0, len(chunk), BLOCK):
                header = record.decode_header(chunk[offset : offset + record.HEADER])
                is_later = header and header.batch == start + offset > position and header.sequence > sequence
                if header and is_later and self._entry(header.batch, header.sequence):
                    return header.sequence
        return None

    def _read(self, position: int, length: int) -> bytes:
        offset = position % self.size
        if offset + length <= self.size:
            return self._file.read(offset, length)
        return self._file.read(offset, self.size - offset) + self._file.read(0, offset + length - self.size)

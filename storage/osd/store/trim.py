"""Space of punched blocks, in slots that stay in use: given back after the checkpoint that made them holes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from storage.names import BLOCK
from storage.osd.store.files import File
from storage.osd.store.slots import SLOT
from storage.osd.store.stored_object import NO_SLOT, StoredObject

#: Ranges that one checkpoint gives back: it is done in the event loop, where nobody writes meanwhile, and takes time.
_MOST = 500


class Range(NamedTuple):
    """Blocks of an object that became holes, and the slot in which they lay."""

    stored: StoredObject
    slot: int
    block: int
    end: int


class Trim:
    """What is noted before a checkpoint is taken with it, and given back after it."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._noted: list[Range] = []

    def note(self, stored: StoredObject, block: int, count: int) -> None:
        """These blocks have just become holes."""
        if stored.slot != NO_SLOT:
            self._noted.append(Range(stored, stored.slot, block, block + count))

    def take(self) -> list[Range]:
        """What the checkpoint that begins now will make good."""
        taken, self._noted = self._noted[:_MOST], self._noted[_MOST:]
        return taken

    def give_back(self, ranges: list[Range]) -> None:
        """That checkpoint is durable; some of the holes may have been filled again, or have gone with their slots."""
        for item in ranges:
            if item.stored.slot == item.slot:
                for block, count in _holes(item):
                    self._file.punch(item.slot * SLOT + block * BLOCK, count * BLOCK)


def _holes(item: Range) -> Iterator[tuple[int, int]]:
    sums = item.stored.sums
    at, end = item.block, min(item.end, len(sums or ()))
    while sums is not None and at < end:
        start = at
        while at < end and not sums[at]:
            at += 1
        if at > start:
            yield start, at - start
        at += 1

"""An object of the index: its checksums, and where its blocks lie.

An object writes into its own `slot`. After a clone both sides read the slot that was the source's, nobody writes it any
more, and the next write of either goes to a fresh slot: a clone copies nothing, and replaying it can't copy the wrong
bytes. `homes` then says block by block in which slot it lies.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from storage.names import ObjectId, PgId
from storage.osd.store.slots import Slots

NO_SLOT = -1


class StoredObject:
    """Mutable; changes through the methods below. `sums` is None while it is only in the database."""

    __slots__ = ("homes", "id", "info", "is_dirty", "pg", "shares", "slot", "sums")

    def __init__(self, pg: PgId, object_id: ObjectId) -> None:
        self.pg, self.id = pg, object_id
        self.info = b""
        self.slot = NO_SLOT
        #: Checksum by block; 0 is a hole.
        self.sums: array[int] | None = array("Q")
        #: Slot by block, where it says more than `slot`; means nothing for holes.
        self.homes: array[int] | None = None
        #: Slots of others in which blocks lie, and how many.
        self.shares: dict[int, int] = {}
        self.is_dirty = False

    def set_sums(self, slots: Slots, block: int, sums: tuple[int, ...]) -> None:
        """These blocks were written into the own slot."""
        mine = self.sums
        assert mine is not None
        end = block + len(sums)
        if end > len(mine):
            self._extend(mine, end)
        if self.homes is not None:
            self._leave(slots, mine, block, end)
            self.homes[block:end] = array("I", (self.slot,)) * len(sums)
            if not self.shares:
                self.homes = None
        if len(sums) == 1:
            mine[block] = sums[0]
        else:
            mine[block:end] = array("Q", sums)

    def punch(self, slots: Slots, block: int, count: int) -> None:
        """These blocks become holes."""
        mine = self.sums
        assert mine is not None
        end = min(block + count, len(mine))
        if end <= block:
            return
        if self.homes is not None:
            self._leave(slots, mine, block, end)
        mine[block:end] = array("Q", bytes(8 * (end - block)))
        if not any(mine):
            self.clear(slots)

    def clone_from(self, slots: Slots, source: StoredObject) -> None:
        """Read what the source has now. Both lose the right to write where they did."""
        self.clear(slots)
        theirs = source.sums
        assert theirs is not None
        if source.slot != NO_SLOT:
            source.freeze(slots, theirs)
        self.sums = theirs[:]
        self.homes = source.homes[:] if source.homes is not None else None
        self.shares = dict(source.shares)
        for slot in self.shares:
            slots.share(slot)

    def freeze(self, slots: Slots, sums: array[int]) -> None:
        """What was the own slot becomes one that is only read."""
        if self.homes is None:
            self.homes = array("I", (self.slot,)) * len(sums)
        count = sum(1 for home, checksum in zip(self.homes, sums, strict=True) if checksum and home == self.slot)
        if count:
            self.shares[self.slot] = count
        else:
            slots.release(self.slot)
        self.slot = NO_SLOT

    def clear(self, slots: Slots) -> None:
        """No blocks any more."""
        for slot in self.slots():
            slots.release(slot)
        self.slot, self.sums, self.homes, self.shares = NO_SLOT, array("Q"), None, {}

    def slots(self) -> list[int]:
        """All slots to which the object holds a reference."""
        return [*self.shares, self.slot] if self.slot != NO_SLOT else list(self.shares)

    def pieces(self, block: int, count: int) -> Iterator[tuple[int, int, int]]:
        """The blocks of a range that are no holes, as (slot, first block, count), in order."""
        sums, homes, slot = self.sums, self.homes, self.slot
        assert sums is not None
        at, end = block, min(block + count, len(sums))
        while at < end:
            if not sums[at]:
                at += 1
                continue
            start, home = at, homes[at] if homes is not None else slot
            while at < end and sums[at] and (homes is None or homes[at] == home):
                at += 1
            yield home, start, at - start

    def extents(self) -> list[tuple[int, int]]:
        """The blocks that are no holes, as (first block, count) in order."""
        extents: list[tuple[int, int]] = []
        for _, block, count in self.pieces(0, len(self.sums or ())):
            if extents and sum(extents[-1]) == block:
                extents[-1] = (extents[-1][0], extents[-1][1] + count)
            else:
                extents.append((block, count))
        return extents

    def _extend(self, sums: array[int], end: int) -> None:
        more = end - len(sums)
        sums.frombytes(bytes(8 * more))
        if self.homes is not None:
            self.homes.frombytes(bytes(self.homes.itemsize * more))

    def _leave(self, slots: Slots, sums: array[int], block: int, end: int) -> None:
        """Blocks of a range no longer lie in others' slots."""
        homes = self.homes
        assert homes is not None
        for at in range(block, end):
            home = homes[at]
            if sums[at] and home != self.slot:
                self.shares[home] -= 1
                if not self.shares[home]:
                    del self.shares[home]
                    slots.release(home)

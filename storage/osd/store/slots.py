"""Which 4 MiB slots of the file `block` are whose. A slot may be shared: clones read what nobody writes any more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from heapq import heapify, heappop, heappush

from storage.names import OBJECT_SIZE

SLOT = OBJECT_SIZE


class Slots:
    """Counts references. A slot without any is not used again before a checkpoint that forgets it is durable."""

    def __init__(self, held: Iterable[int] = ()) -> None:
        self._references = Counter(held)
        self._end = max(self._references, default=-1) + 1
        self._free = [slot for slot in range(self._end) if slot not in self._references]
        heapify(self._free)
        self._released: list[int] = []

    def allocate(self) -> int:
        """A slot that nobody has, with one reference."""
        if self._free:
            slot = heappop(self._free)
        else:
            slot, self._end = self._end, self._end + 1
        self._references[slot] = 1
        return slot

    def share(self, slot: int) -> None:
        """One more reference."""
        self._references[slot] += 1

    def release(self, slot: int) -> None:
        """One reference less."""
        self._references[slot] -= 1
        if not self._references[slot]:
            del self._references[slot]
            self._released.append(slot)

    def take_released(self) -> list[int]:
        """What lost its last reference since the last call: give it back with `reuse` after the next checkpoint."""
        released, self._released = self._released, []
        return released

    def reuse(self, slots: Iterable[int]) -> None:
        """A checkpoint has forgotten these."""
        for slot in slots:
            heappush(self._free, slot)

    @property
    def free(self) -> list[int]:
        """Slots before the last one in use that can be allocated."""
        return sorted(self._free)

"""An object with its snapshots as RADOS keeps them, in memory: what the in-memory `IoContext` is made of.

A write that knows of newer snapshots than the object first clones the head. A clone is named after the newest snapshot
it serves. Versions come from the caller and only ever grow.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from storage.names import HEAD, SnapContext

Buffer = bytes | bytearray | memoryview


@dataclass(slots=True)
class Clone:
    """What the object was like at the snapshots that it serves, newest first."""

    data: bytes
    version: int
    snaps: tuple[int, ...]


@dataclass(slots=True)
class MemoryObject:
    """The head (None: removed, or not there yet) and its clones, oldest first, by number."""

    head: bytearray | None = None
    version: int = 0
    #: The newest snapshot that the head knows of.
    seq: int = 0
    clones: dict[int, Clone] = field(default_factory=dict)

    def at(self, snap: int) -> tuple[Buffer, int] | None:
        """The bytes and the version that a snapshot sees; None where there was nothing."""
        if snap == HEAD or snap > self.seq:
            return None if self.head is None else (self.head, self.version)
        number = next((number for number in self.clones if number >= snap), None)
        if number is None or snap not in self.clones[number].snaps:
            return None
        return self.clones[number].data, self.clones[number].version

    def preserve(self, snaps: SnapContext) -> None:
        """Before a change by a writer that knows of `snaps`: clone the head if the head does not know of them."""
        if snaps.seq <= self.seq:
            return
        covered = tuple(snap for snap in snaps.snaps if snap > self.seq)
        if covered and self.head is not None:
            self.clones[covered[0]] = Clone(bytes(self.head), self.version, covered)
        self.seq = snaps.seq

    def write(self, offset: int, data: Buffer, version: int) -> None:
        """Set bytes; creates the head."""
        head = bytearray() if self.head is None else self.head
        if len(head) < offset:
            head.extend(bytes(offset - len(head)))
        head[offset : offset + len(data)] = data
        self.head, self.version = head, version

    def zero(self, offset: int, length: int, version: int) -> None:
        """A range of an existing head becomes zeros; the size stays."""
        assert self.head is not None
        end = min(offset + length, len(self.head))
        if end > offset:
            self.head[offset:end] = bytes(end - offset)
        self.version = version

    def truncate(self, size: int, version: int) -> None:
        """Set the size; creates the head."""
        head = bytearray() if self.head is None else self.head
        del head[size:]
        head.extend(bytes(size - len(head)))
        self.head, self.version = head, version

    def trim(self, snap: int) -> None:
        """Forget what it was like at a snapshot."""
        for number, clone in list(self.clones.items()):
            if snap in clone.snaps:
                clone.snaps = tuple(other for other in clone.snaps if other != snap)
                if not clone.snaps:
                    del self.clones[number]

    @property
    def gone(self) -> bool:
        """Whether nothing is left to know of it."""
        return self.head is None and not self.clones

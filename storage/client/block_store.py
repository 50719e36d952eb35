"""The small interface behind which block devices live, for programs with threads: librbd's verbs, synchronous.

The volume service knows nothing else of the store. All sizes and offsets are bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """A snapshot of an image: its size is the image's when it was taken."""

    id: int
    name: str
    size: int
    protected: bool


@dataclass(frozen=True, slots=True)
class ParentInfo:
    """What a clone still reads through to, up to `overlap` bytes."""

    image: str
    snapshot: str
    overlap: int


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """An image as `rbd info` tells it."""

    name: str
    id: str
    size: int
    object_size: int
    snapshots: tuple[SnapshotInfo, ...]
    parent: ParentInfo | None
    lock_owner: str | None


class Device(Protocol):
    """An open image. Reads beyond its end raise BadRequest; unwritten places read as zeros."""

    @property
    def size(self) -> int: ...
    def read(self, offset: int, length: int) -> bytes: ...
    def write(self, offset: int, data: bytes) -> None: ...
    def discard(self, offset: int, length: int) -> None: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...


class BlockStore(Protocol):
    """Images of one pool. Every call may be repeated after `Unavailable`: the second finds the first's own work.

    Errors are those of `storage.errors`: ImageNotFound, ImageExists, SnapshotNotFound, SnapshotExists, ImageBusy.
    """

    def create(self, name: str, size: int) -> None:
        """Raises ImageExists, also where the size is the same: ask `info` then."""
        ...

    def remove(self, name: str) -> None:
        """Raises ImageNotFound; ImageBusy while it has snapshots or is locked by a living client."""
        ...

    def rename(self, name: str, new_name: str) -> None: ...

    def resize(self, name: str, size: int) -> None:
        """Grows or shrinks; what is cut off is gone, and reads as zeros should the image grow again."""
        ...

    def info(self, name: str) -> ImageInfo: ...

    def children(self, name: str, snapshot: str) -> list[str]: ...

    def list(self) -> list[str]: ...

    def create_snapshot(self, name: str, snapshot: str) -> None: ...

    def remove_snapshot(self, name: str, snapshot: str) -> None:
        """Raises ImageBusy while it is protected."""
        ...

    def protect(self, name: str, snapshot: str) -> None:
        """Harmless twice."""
        ...

    def unprotect(self, name: str, snapshot: str) -> None:
        """Raises ImageBusy while it has children. Harmless twice."""
        ...

    def clone(self, parent: str, snapshot: str, child: str, size: int | None = None) -> None:
        """A copy-on-write image; the snapshot must be protected (else BadRequest)."""
        ...

    def flatten(self, name: str) -> None:
        """Copy what a clone still reads from its parent, then let go of it. Harmless twice; may take long."""
        ...

    def rollback(self, name: str, snapshot: str) -> None:
        """Set the image back to what it was at a snapshot."""
        ...

    def open(self, name: str, *, snapshot: str | None = None, read_only: bool = False) -> Device:
        """A device for reading and writing; with a snapshot, for reading only."""
        ...

    def close(self) -> None:
        """Let go of the store."""
        ...

"""Reading an image, or one of its snapshots, through the snapshots that it was cloned from.

Clones have their parent's object size, so piece i of a clone is piece i of its parent.
"""

from __future__ import annotations

from dataclasses import dataclass

from storage.client import image_store
from storage.client.image_header import Header
from storage.client.io_context import IoContext
from storage.client.striping import Buffer, data_prefix
from storage.errors import ImageNotFound, ObjectNotFound, SnapshotNotFound
from storage.names import HEAD


@dataclass(frozen=True, slots=True)
class Layer:
    """The objects of an image as a snapshot (or the head) sees them, and what lies beneath."""

    io: IoContext
    prefix: str
    snap: int
    object_size: int
    overlap: int
    parent: Layer | None

    def object_name(self, index: int) -> str:
        """The object of piece `index`."""
        return f"{self.prefix}{index:016x}"

    def inherits(self, index: int) -> bool:
        """Whether piece `index` is the parent's where it is missing here."""
        return self.parent is not None and index * self.object_size < self.overlap

    async def read(self, index: int, start: int, length: int) -> Buffer | None:
        """A part of piece `index`; shorter where only zeros follow, None where nothing was ever written."""
        try:
            return (await self.io.read(f"{self.prefix}{index:016x}", start, length, snap=self.snap)).data
        except ObjectNotFound:
            return None if self.parent is None else await self.read_parent(index, start, length)

    async def read_parent(self, index: int, start: int, length: int) -> Buffer | None:
        """As `read`, but only what lies beneath."""
        visible = min(length, self.overlap - (index * self.object_size + start))
        if self.parent is None or visible <= 0:
            return None
        return await self.parent.read(index, start, visible)

    async def exists(self, index: int) -> bool:
        """Whether anything was ever written to piece `index`, here or beneath."""
        try:
            await self.io.stat(self.object_name(index), snap=self.snap)
        except ObjectNotFound:
            return self.parent is not None and self.inherits(index) and await self.parent.exists(index)
        return True


async def layer_of(io: IoContext, header: Header, snap: int = HEAD) -> Layer:
    """The layer of a header's image at a snapshot, with all layers beneath. Raises SnapshotNotFound."""
    overlap = header.overlap if snap == HEAD else header.snapshot_by_id(snap).overlap
    return Layer(io, data_prefix(header.id), snap, header.object_size, overlap, await _beneath(io, header))


async def _beneath(io: IoContext, header: Header) -> Layer | None:
    if header.parent is None:
        return None
    try:
        return await layer_of(io, await image_store.load(io, header.parent.image), header.parent.snapshot)
    except (ImageNotFound, SnapshotNotFound):
        # A snapshot goes only when all its clones have let go of it: this header is an old one.
        return None

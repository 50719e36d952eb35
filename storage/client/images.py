"""The images of a pool: librbd's verbs, for asyncio. `sync_store` offers the same to programs with threads."""

from __future__ import annotations

from pathlib import Path

from storage.client import (
    image_clones,
    image_creation,
    image_lock,
    image_names,
    image_open,
    image_removal,
    image_resize,
    image_snapshots,
    image_store,
    image_transfer,
)
from storage.client.block_store import ImageInfo, ParentInfo, SnapshotInfo
from storage.client.image import Image
from storage.client.image_header import ORDER, Header
from storage.client.image_lock import Patience
from storage.client.image_names import resolve
from storage.client.io_context import IoContext
from storage.errors import ImageNotFound, SnapshotNotFound


class Images:
    """Each verb may be repeated after `Unavailable`, and by another client when the first died: it is then finished."""

    def __init__(self, io: IoContext, patience: Patience | None = None, order: int = ORDER) -> None:
        """New images lie on objects of 2^order bytes."""
        self.io = io
        self._order = order
        self._patience = patience or Patience()

    async def create(self, name: str, size: int) -> None:
        """Raises ImageExists."""
        await image_creation.create(self.io, Header(id="", name=name, size=size, order=self._order))

    async def remove(self, name: str) -> None:
        """Raises ImageNotFound; ImageBusy while it has snapshots or is open for writing."""
        await image_removal.remove(self.io, name, self._patience)

    async def rename(self, name: str, new_name: str) -> None:
        """Raises ImageNotFound, ImageExists."""
        await image_creation.rename(self.io, name, new_name)

    async def resize(self, name: str, size: int) -> None:
        """Raises ImageBusy for shrinking an image that is open for writing."""
        await image_resize.resize(self.io, name, size, self._patience)

    async def info(self, name: str) -> ImageInfo:
        """Raises ImageNotFound."""
        header = await resolve(self.io, name)
        return ImageInfo(
            name=header.name,
            id=header.id,
            size=header.size,
            object_size=header.object_size,
            snapshots=tuple(SnapshotInfo(one.id, one.name, one.size, one.protected) for one in header.visible),
            parent=await self._parent(header),
            lock_owner=header.lock.owner if header.lock else None,
        )

    async def _parent(self, header: Header) -> ParentInfo | None:
        if header.parent is None:
            return None
        try:
            parent = await image_store.load(self.io, header.parent.image)
            return ParentInfo(parent.name, parent.snapshot_by_id(header.parent.snapshot).name, header.overlap)
        except (ImageNotFound, SnapshotNotFound):
            return None  # flattened at this moment

    async def create_snapshot(self, name: str, snapshot: str) -> None:
        """Raises SnapshotExists; ImageBusy when the image's writer does not answer."""
        await image_snapshots.create_snapshot(self.io, name, snapshot, self._patience)

    async def remove_snapshot(self, name: str, snapshot: str) -> None:
        """Raises SnapshotNotFound, ImageBusy while it is protected."""
        await image_snapshots.remove_snapshot(self.io, name, snapshot, self._patience)

    async def protect(self, name: str, snapshot: str) -> None:
        """Harmless twice. Raises SnapshotNotFound."""
        await image_snapshots.protect(self.io, name, snapshot)

    async def unprotect(self, name: str, snapshot: str) -> None:
        """Harmless twice. Raises ImageBusy while it has clones."""
        await image_clones.unprotect(self.io, name, snapshot)

    async def children(self, name: str, snapshot: str) -> list[str]:
        """The names of all clones of a snapshot."""
        return await image_clones.children(self.io, name, snapshot)

    async def clone(self, parent: str, snapshot: str, child: str, size: int | None = None) -> None:
        """Raises BadRequest for a snapshot that is not protected, ImageExists."""
        await image_clones.clone(self.io, parent, snapshot, child, size)

    async def flatten(self, name: str) -> None:
        """Make a clone independent of its parent. Harmless twice."""
        await image_clones.flatten(self.io, name, self._patience)

    async def rollback(self, name: str, snapshot: str) -> None:
        """Raises ImageBusy while the image is open for writing."""
        await image_snapshots.roll_back(self.io, name, snapshot, self._patience)

    async def open(self, name: str, *, snapshot: str | None = None, read_only: bool = False) -> Image:
        """For reading and writing, with the exclusive lock; or for reading. Raises ImageBusy, which names the owner."""
        header = await resolve(self.io, name)
        if snapshot is not None or read_only:
            return await image_open.open_for_reading(self.io, header, snapshot, self._patience)
        return await image_open.open_for_writing(self.io, header.id, self._patience)

    async def break_lock(self, name: str) -> str | None:
        """Fence whoever has the lock, and take it away; who that was. Raises BadRequest for this client's own."""
        header = await resolve(self.io, name)
        if header.lock is None:
            return None
        await image_lock.break_lock(self.io, header.id, header.lock)
        return header.lock.owner

    async def export(self, name: str, path: Path, snapshot: str | None = None) -> None:
        """Write an image, or one of its snapshots, to a sparse raw file."""
        await image_transfer.export_image(self.io, name, path, self._patience, snapshot)

    async def import_(self, path: Path, name: str) -> None:
        """Create an image of a raw file's bytes; it is seen when it is whole. Raises ImageExists, ImageBusy."""
        await image_transfer.import_image(self.io, path, name, self._order, self._patience)

    async def list(self) -> list[str]:
        """The names of all images, sorted."""
        return await image_names.names(self.io)

"""An image as one reading of its header says it is, and what may be done with its pieces then.

Two rules keep snapshots and clones right, whatever else goes on:

* Before a piece that a clone still has from its parent changes, it is copied up, as if the clone had always had it, so
  that the clone's own snapshots see it too. Only without snapshots may a piece be replaced or hidden as a whole.
* An object that snapshots hold, or that once came from a parent, keeps its head, if only an empty one: listing finds
  all that must be trimmed, and a late copy from the parent finds the object there and does nothing.
"""

from __future__ import annotations

import asyncio

from storage.client import image_store
from storage.client.image_header import Header
from storage.client.image_layer import Layer, layer_of
from storage.client.io_context import IoContext
from storage.client.striping import Buffer, is_zero
from storage.errors import ObjectNotFound
from storage.names import HEAD


class View:
    """Which snapshots, size and parent hold; and how many changes are under way that were begun with these."""

    __slots__ = ("_idle", "_settled", "header", "io", "layer", "object_size", "size", "snaps", "under_way")

    def __init__(self, io: IoContext, header: Header, layer: Layer, size: int, settled: set[int]) -> None:
        self.io, self.header, self.layer, self.size = io, header, layer, size
        self.snaps, self.object_size = header.snap_context, header.object_size
        #: Pieces that are known to need no copy from the parent any more.
        self._settled = settled
        self.under_way = 0
        self._idle: asyncio.Event | None = None

    @classmethod
    async def of(cls, io: IoContext, header: Header, snap: int = HEAD, old: View | None = None) -> View:
        """The view of a header at a snapshot. Raises SnapshotNotFound."""
        size = header.size if snap == HEAD else header.snapshot_by_id(snap).size
        if old is not None and (old.header.parent, old.header.overlap) == (header.parent, header.overlap):
            return cls(io, header, old.layer, size, old._settled)
        return cls(io, header, await layer_of(io, header, snap), size, set() if old is None else old._settled)

    # -- changes under way --

    def ended(self) -> None:
        """One change less is under way."""
        self.under_way -= 1
        if not self.under_way and self._idle is not None:
            self._idle.set()

    async def idle(self) -> None:
        """Return when no change that was begun with this view is under way any more."""
        if self.under_way:
            self._idle = self._idle or asyncio.Event()
            await self._idle.wait()

    # -- pieces --

    @property
    def _keeps_heads(self) -> bool:
        return bool(self.header.snapshots)

    def _reach(self, index: int) -> int:
        """The length of piece `index`: the last one of an image may be shorter."""
        return min(self.object_size, self.size - index * self.object_size)

    async def read(self, index: int, start: int, length: int) -> Buffer:
        """Exactly `length` bytes of piece `index`."""
        data = await self.layer.read(index, start, length)
        if data is None:
            return bytes(length)
        missing = length - len(data)
        return data if not missing else b"".join((data, bytes(missing)))

    async def write(self, index: int, start: int, data: Buffer) -> None:
        """Change a part of piece `index`."""
        layer = self.layer
        if layer.parent is not None and layer.inherits(index):
            inherited = min(self.object_size, layer.overlap - index * self.object_size)
            if self._keeps_heads or start or len(data) < inherited:
                await self.copy_up(index)
        await self.io.write(f"{layer.prefix}{index:016x}", start, data, snaps=self.snaps)

    async def discard(self, index: int, start: int, length: int) -> None:
        """Make a part of piece `index` read as zeros."""
        name = self.layer.object_name(index)
        if not start and length >= self._reach(index) and not self._keeps_heads:
            await self._clear(index)
            return
        if self.layer.inherits(index):
            await self.copy_up(index)
        await self.io.zero(name, start, length, snaps=self.snaps)

    async def cut(self, index: int, start: int) -> None:
        """Let piece `index` end at `start`; unless it is inherited, its object must be there."""
        if not start and not self._keeps_heads:
            await self._clear(index)
            return
        if self.layer.inherits(index):
            await self.copy_up(index)
        await self.io.truncate(self.layer.object_name(index), start, snaps=self.snaps)

    async def _clear(self, index: int) -> None:
        """Nothing of a piece is left; there are no snapshots."""
        name = self.layer.object_name(index)
        if self.layer.inherits(index):
            await self.io.truncate(name, 0, snaps=self.snaps)
        elif index * self.object_size < self.header.inherited:
            await self.io.zero(name, 0, self.object_size, snaps=self.snaps)
        else:
            await image_store.drop(self.io, name)

    async def copy_up(self, index: int) -> None:
        """Let the image have a piece of its own, if there is anything to have from the parent."""
        if index in self._settled:
            return
        name = self.layer.object_name(index)
        try:
            await self.io.stat(name)
        except ObjectNotFound:
            data = await self.layer.read_parent(index, 0, self.object_size)
            if data is not None and not is_zero(data):
                await self.io.copyup(name, data if isinstance(data, bytes | memoryview) else bytes(data))
        self._settled.add(index)

"""An open image: reads, writes and discards, striped over objects, while others take snapshots of it.

It watches the header. When it is told to look, writes begun from then on carry the new snapshots, and it acknowledges
when no write that was begun with the old ones is under way: so a snapshot that is complete never changes.
"""

from __future__ import annotations

import asyncio

from storage.client import image_lock, image_store
from storage.client.image_header import Header
from storage.client.image_lock import Patience
from storage.client.image_view import View
from storage.client.io_context import IoContext, Watch
from storage.client.striping import Buffer, Piece, for_each, object_count, pieces
from storage.errors import BadRequest, Blocklisted, ImageNotFound, ReadOnly, StorageError
from storage.names import HEAD


class Image:
    """Open it with `image_open`. For one event loop. Writes are durable when they return."""

    def __init__(self, io: IoContext, image_id: str, *, snap: int = HEAD, cookie: str | None = None) -> None:
        self._io, self._id, self._snap = io, image_id, snap
        #: Names this image in the lock's record; None: opened for reading.
        self._cookie = self._held = cookie
        self._view: View
        self._retired: list[View] = []
        self._looking = asyncio.Lock()
        self._watch: Watch | None = None
        self._refusal: StorageError | None = None

    @property
    def name(self) -> str:
        """What the image was called when it was last looked at."""
        return self._view.header.name

    @property
    def size(self) -> int:
        return self._view.size

    @property
    def object_size(self) -> int:
        return self._view.object_size

    @property
    def read_only(self) -> bool:
        return self._cookie is None

    @property
    def view(self) -> View:
        """The image as last looked at; for the verbs that work on whole images."""
        return self._view

    async def start(self, patience: Patience) -> None:
        """Take the lock if it is for writing, watch the header, and look. Raises ImageBusy, ImageNotFound."""
        if self._cookie is not None:
            header = await image_lock.acquire(self._io, self._id, self._cookie, patience)
        else:
            header = await image_store.load(self._io, self._id)
        try:
            self._view = await View.of(self._io, header, self._snap)
            self._watch = await self._io.watch(image_store.header_object(self._id), self._told)
            await self.look()
            await self.flush()
        except BaseException:
            await self._let_go()
            raise

    async def _told(self, _: bytes) -> None:
        await self.look()

    async def look(self) -> None:
        """See what the header says now; returns when nothing goes on any more that does not know of it."""
        async with self._looking:
            try:
                header = await image_store.load(self._io, self._id)
                self._check_lock(header)
            except (ImageNotFound, Blocklisted) as error:
                self._refusal = error
                return
            view = await View.of(self._io, header, self._snap, self._view)
            self._retired.append(self._view)
            self._view = view
            while self._retired:
                await self._retired[0].idle()
                del self._retired[0]

    def _check_lock(self, header: Header) -> None:
        lock = header.lock
        if header.state == "removing":
            raise ImageNotFound(f"image {header.name} was removed")
        if self._cookie is None or (lock and (lock.owner, lock.cookie) == (self._io.client_id, self._cookie)):
            return
        raise Blocklisted(f"the lock of image {header.name} was taken away")

    def _check(self, view: View, offset: int, length: int) -> None:
        if self._refusal is not None:
            raise self._refusal
        if offset < 0 or length < 0 or offset + length > view.size:
            raise BadRequest(f"{length} bytes at {offset} are not within image {self.name} of {view.size} bytes")

    async def read(self, offset: int, length: int) -> Buffer:
        """Exactly `length` bytes. Raises BadRequest beyond the end."""
        view = self._view
        self._check(view, offset, length)
        index, start = divmod(offset, view.object_size)
        if start + length <= view.object_size:
            return await view.read(index, start, length)
        data = bytearray(length)

        async def fill(piece: Piece) -> None:
            at = piece.number * view.object_size + piece.start - offset
            data[at : at + piece.length] = await view.read(*piece)

        await for_each(list(pieces(offset, length, view.object_size)), fill)
        return data

    async def write(self, offset: int, data: Buffer) -> None:
        """Raises BadRequest beyond the end, ReadOnly, Blocklisted when the lock was taken away."""
        view = self._begin(offset, len(data))
        try:
            index, start = divmod(offset, view.object_size)
            if start + len(data) <= view.object_size:
                await view.write(index, start, data)
                return
            whole = memoryview(data)

            async def put(piece: Piece) -> None:
                at = piece.number * view.object_size + piece.start - offset
                await view.write(piece.number, piece.start, whole[at : at + piece.length])

            await for_each(list(pieces(offset, len(data), view.object_size)), put)
        finally:
            view.ended()

    async def discard(self, offset: int, length: int) -> None:
        """Make a range read as zeros, giving space back. Raises as `write`."""
        view = self._begin(offset, length)
        try:
            await for_each(list(pieces(offset, length, view.object_size)), lambda piece: view.discard(*piece))
        finally:
            view.ended()

    def _begin(self, offset: int, length: int) -> View:
        view = self._view
        if self._cookie is None:
            raise ReadOnly(f"image {self.name} was opened for reading")
        self._check(view, offset, length)
        view.under_way += 1
        return view

    async def flush(self) -> None:
        """All that was acknowledged is durable already. Raises Blocklisted when the lock was taken away."""
        if self._refusal is not None:
            raise self._refusal

    async def allocated(self, offset: int, length: int) -> list[tuple[int, bool]]:
        """The range as runs of (length, whether anything was ever written there), by whole objects."""
        view = self._view
        self._check(view, offset, length)
        first = offset // view.object_size
        written = bytearray(object_count(offset + length, view.object_size) - first)

        async def ask(index: int) -> None:
            written[index - first] = await view.layer.exists(index)

        await for_each(range(first, first + len(written)), ask)
        runs: list[tuple[int, bool]] = []
        for piece in pieces(offset, length, view.object_size):
            here = bool(written[piece.number - first])
            before = runs.pop()[0] if runs and runs[-1][1] == here else 0
            runs.append((before + piece.length, here))
        return runs

    async def close(self) -> None:
        """Wait for changes under way, and give the lock back. Harmless twice."""
        self._refusal = self._refusal or BadRequest("the image is closed")
        async with self._looking:
            for view in (*self._retired, self._view):
                await view.idle()
        await self._let_go()

    async def _let_go(self) -> None:
        watch, self._watch = self._watch, None
        cookie, self._held = self._held, None
        try:
            if cookie is not None:
                await image_lock.release(self._io, self._id, cookie)
        finally:
            if watch is not None:
                await watch.close()

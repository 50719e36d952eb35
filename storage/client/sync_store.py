"""`BlockStore` for programs with threads: the asyncio code runs in one background thread, whoever calls."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from storage.client.block_store import ImageInfo
from storage.client.image import Image
from storage.client.image_header import ORDER
from storage.client.image_lock import Patience
from storage.client.images import Images
from storage.client.io_context import IoContext
from storage.errors import Unavailable

Result = TypeVar("Result")
Work = Coroutine[Any, Any, Result]


class SyncDevice:
    """An open image, for any thread."""

    def __init__(self, store: SyncBlockStore, image: Image) -> None:
        self._store, self._image = store, image

    @property
    def size(self) -> int:
        return self._image.size

    def read(self, offset: int, length: int) -> bytes:
        return bytes(self._store.run(self._image.read(offset, length)))

    def write(self, offset: int, data: bytes) -> None:
        self._store.run(self._image.write(offset, data))

    def discard(self, offset: int, length: int) -> None:
        self._store.run(self._image.discard(offset, length))

    def flush(self) -> None:
        self._store.run(self._image.flush())

    def close(self) -> None:
        """Harmless twice."""
        self._store.close_image(self._image)


class SyncBlockStore:
    """Images of the pool that `connect` opens; it is entered and left in the background thread."""

    def __init__(
        self,
        connect: Callable[[], AbstractAsyncContextManager[IoContext]],
        *,
        patience: Patience | None = None,
        order: int = ORDER,
    ) -> None:
        """Raises what `connect` raises."""
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="block-store", daemon=True)
        self._thread.start()
        self._stack = AsyncExitStack()
        self._open: set[Image] = set()
        self._closed = False

        async def begin() -> Images:
            return Images(await self._stack.enter_async_context(connect()), patience, order)

        try:
            self._images = self.run(begin())
        except BaseException:
            self._end()
            raise

    def run(self, work: Work[Result]) -> Result:
        """Do the work in the background thread and wait for it. Raises Unavailable when the store is closed."""
        if self._closed:
            work.close()
            raise Unavailable("the block store is closed")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """Close all open images, and the connection. Harmless twice."""
        if self._closed:
            return

        async def end() -> None:
            for image in list(self._open):
                self._stack.push_async_callback(image.close)
            await self._stack.aclose()

        try:
            self.run(end())
        finally:
            self._end()

    def _end(self) -> None:
        self._closed = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def close_image(self, image: Image) -> None:
        """Close an image that `open` opened; harmless when the store is closed, and the image with it."""
        if not self._closed:
            self._open.discard(image)
            self.run(image.close())

    def create(self, name: str, size: int) -> None:
        self.run(self._images.create(name, size))

    def remove(self, name: str) -> None:
        self.run(self._images.remove(name))

    def rename(self, name: str, new_name: str) -> None:
        self.run(self._images.rename(name, new_name))

    def resize(self, name: str, size: int) -> None:
        self.run(self._images.resize(name, size))

    def info(self, name: str) -> ImageInfo:
        return self.run(self._images.info(name))

    def children(self, name: str, snapshot: str) -> list[str]:
        return self.run(self._images.children(name, snapshot))

    def create_snapshot(self, name: str, snapshot: str) -> None:
        self.run(self._images.create_snapshot(name, snapshot))

    def remove_snapshot(self, name: str, snapshot: str) -> None:
        self.run(self._images.remove_snapshot(name, snapshot))

    def protect(self, name: str, snapshot: str) -> None:
        self.run(self._images.protect(name, snapshot))

    def unprotect(self, name: str, snapshot: str) -> None:
        self.run(self._images.unprotect(name, snapshot))

    def clone(self, parent: str, snapshot: str, child: str, size: int | None = None) -> None:
        self.run(self._images.clone(parent, snapshot, child, size))

    def flatten(self, name: str) -> None:
        self.run(self._images.flatten(name))

    def rollback(self, name: str, snapshot: str) -> None:
        self.run(self._images.rollback(name, snapshot))

    def open(self, name: str, *, snapshot: str | None = None, read_only: bool = False) -> SyncDevice:
        """Raises ImageBusy, which names the owner, where somebody else writes."""

        async def work() -> Image:
            image = await self._images.open(name, snapshot=snapshot, read_only=read_only)
            self._open.add(image)
            return image

        return SyncDevice(self, self.run(work()))

    def break_lock(self, name: str) -> str | None:
        """Fence whoever has the lock, and take it away; who that was."""
        return self.run(self._images.break_lock(name))

    def export(self, name: str, path: Path, snapshot: str | None = None) -> None:
        """Write an image, or one of its snapshots, to a sparse raw file."""
        self.run(self._images.export(name, path, snapshot))

    def import_(self, path: Path, name: str) -> None:
        """Create an image of a raw file's bytes."""
        self.run(self._images.import_(path, name))

    def list(self) -> list[str]:  # the last: it hides the type from all that follows
        return self.run(self._images.list())

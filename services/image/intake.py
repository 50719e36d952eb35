"""Receiving image data: bounded memory, digests and writing in threads while more arrives.

Data comes in small pieces; they are gathered into blocks. While one block is written and put through both digests, each
in a thread of its own, the next is gathered. So two blocks are in memory for each upload, however large the image.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor
from typing import Final

from services.image.store import BlobWriter
from services.image.uploads import Received
from services.platform.faults import BadRequest, TooLarge

BLOCK_BYTES: Final = 2 << 20


class Intake:
    """Takes one image's data."""

    def __init__(self, writer: BlobWriter, threads: Executor, *, size_limit: int, announced: int | None) -> None:
        self._threads, self._limit, self._announced = threads, size_limit, announced
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha512 = hashlib.sha512()
        self._steps: Sequence[Callable[[bytes], None]] = (self._sha512.update, self._md5.update, writer.write)
        self._working: asyncio.Future[list[None]] | None = None
        self._taken = 0
        self._waits_for_client = False

    def progress(self) -> object:
        """Something that is the same as before only where the client has sent nothing meanwhile. While the store is
        at work, however slow, it is never the same."""
        return self._taken if self._waits_for_client else object()

    async def take(self, stream: AsyncIterator[bytes]) -> Received:
        """Take all of `stream`. Raises TooLarge, BadRequest, and what the writer raises."""
        gathered: list[bytes] = []
        size = 0
        self._waits_for_client = True
        async for piece in stream:
            self._count(len(piece))
            gathered.append(piece)
            size += len(piece)
            if size >= BLOCK_BYTES:
                self._waits_for_client = False
                await self._work_on(b"".join(gathered))
                self._waits_for_client = True
                gathered.clear()
                size = 0
        self._waits_for_client = False
        if gathered:
            await self._work_on(b"".join(gathered))
        await self._finish_block()
        if self._announced is not None and self._announced != self._taken:
            raise BadRequest(f"{self._announced} bytes of image data were announced, {self._taken} came.")
        return Received(self._taken, self._md5.hexdigest(), self._sha512.hexdigest())

    def _count(self, length: int) -> None:
        self._taken += length
        if self._taken > self._limit:
            raise TooLarge(f"The size of the data for the image exceeds the limit of {self._limit} bytes.")

    async def _work_on(self, block: bytes) -> None:
        await self._finish_block()
        loop = asyncio.get_running_loop()
        self._working = asyncio.gather(*(loop.run_in_executor(self._threads, step, block) for step in self._steps))

    async def _finish_block(self) -> None:
        if self._working is not None:
            await self._working
            self._working = None

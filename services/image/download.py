"""Sending image data: large blocks, the next being read in a thread while one is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.image.ranges import Span
from services.image.store import BlobReader

BLOCK_BYTES: Final = 512 << 10


class BlobResponse(Response):
    """Sends `span` of a blob and closes it."""

    media_type = "application/octet-stream"

    def __init__(
        self, status: int, reader: BlobReader, span: Span, threads: Executor, headers: Mapping[str, str]
    ) -> None:
        super().__init__(status_code=status, headers={**headers, "Content-Length": str(span.length)})
        self._reader, self._span, self._threads = reader, span, threads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.create_task(_until_gone(receive))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await self._send_blocks(send, gone)
        finally:
            gone.cancel()
            self._threads.submit(self._reader.close)

    async def _send_blocks(self, send: Send, gone: asyncio.Task[None]) -> None:
        offset, end = self._span.start, self._span.start + self._span.length
        coming = self._read(offset, end)
        while not gone.done():
            block = await coming
            offset += len(block)
            if offset < end:
                if not block:
                    raise EOFError(f"the store has only {offset} bytes of {end}")
                coming = self._read(offset, end)
            await send({"type": "http.response.body", "body": block, "more_body": offset < end})
            if offset >= end:
                return

    def _read(self, offset: int, end: int) -> asyncio.Future[bytes]:
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._threads, self._reader.read, offset, min(BLOCK_BYTES, end - offset))


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

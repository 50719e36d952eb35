"""A connection that is made again whenever it breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from storage.connection import Connection, OnMessage, connect
from storage.frames import Buffer
from storage.messages import Hello, Message

#: A process that does not take a connection within so long counts as gone, seconds.
PATIENCE = 0.4


class Link:
    """One outgoing connection that is made again whenever it breaks, until `close`."""

    def __init__(
        self,
        address: str,
        hello: Hello,
        on_message: OnMessage,
        on_open: Callable[[], None],
        on_refused: Callable[[str], None],
        pause: float = 0.2,
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self.address = address
        self._hello, self._on_message, self._on_open, self._on_refused = hello, on_message, on_open, on_refused
        self._pause, self._on_lost = pause, on_lost
        self._connection: Connection | None = None
        self._lost = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._keep())

    def send(self, message: Message, data: Sequence[Buffer] = ()) -> None:
        """Lost where there is no connection at the moment."""
        if self._connection is not None:
            self._connection.send(message, data)

    @property
    def is_open(self) -> bool:
        """Whether what is sent now goes out."""
        return self._connection is not None

    def close(self) -> None:
        """Connect no more."""
        self._task.cancel()
        if self._connection is not None:
            self._connection.close()

    def _closed(self, connection: Connection, reason: str) -> None:
        self._connection = None
        self._lost.set()
        self._on_lost()

    async def _keep(self) -> None:
        while True:
            self._lost.clear()
            try:
                self._connection = await connect(
                    self.address, self._hello, self._on_message, self._closed, seconds=PATIENCE
                )
            except OSError as error:
                self._on_refused(_why(error))
                await asyncio.sleep(self._pause)
                continue
            self._on_open()
            await self._lost.wait()


def _why(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return f"no connection within {PATIENCE} s"
    return "connection refused" if isinstance(error, ConnectionRefusedError) else str(error) or type(error).__name__

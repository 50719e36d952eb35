"""An OSD's connections: one outgoing to each other OSD and each monitor, kept up; answers come in through their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from storage.connection import Connection, OnMessage, connect
from storage.messages import Hello, Message
from storage.osd.surroundings import Buffer

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
    ) -> None:
        self.address = address
        self._hello, self._on_message, self._on_open, self._on_refused = hello, on_message, on_open, on_refused
        self._pause = pause
        self._connection: Connection | None = None
        self._lost = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._keep())

    def send(self, message: Message, data: Sequence[Buffer] = ()) -> None:
        """Lost where there is no connection at the moment."""
        if self._connection is not None:
            self._connection.send(message, data)

    def close(self) -> None:
        """Connect no more."""
        self._task.cancel()
        if self._connection is not None:
            self._connection.close()

    def _closed(self, connection: Connection, reason: str) -> None:
        self._connection = None
        self._lost.set()

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


class Peers:
    """The other OSDs, at the addresses that the map says."""

    def __init__(
        self, hello: Hello, on_reset: Callable[[int], None], on_unreachable: Callable[[int, str], None]
    ) -> None:
        self._hello, self._on_reset, self._on_unreachable = hello, on_reset, on_unreachable
        self._links: dict[int, Link] = {}

    def know(self, addresses: dict[int, str]) -> None:
        """Connect to these, and to no others."""
        for number, link in list(self._links.items()):
            if addresses.get(number) != link.address:
                del self._links[number]
                link.close()
        for number, address in addresses.items():
            if number not in self._links:
                self._links[number] = self._connect(number, address)

    def _connect(self, number: int, address: str) -> Link:
        return Link(
            address,
            self._hello,
            lambda connection, message, data: None,  # answers come in through the other's own connection
            lambda: self._on_reset(number),
            lambda reason: self._on_unreachable(number, reason),
        )

    def send(self, number: int, message: Message, data: Sequence[Buffer] = ()) -> None:
        """Lost where it can't be reached at the moment."""
        link = self._links.get(number)
        if link is not None:
            link.send(message, data)

    def close(self) -> None:
        """Connect to nobody any more."""
        self.know({})

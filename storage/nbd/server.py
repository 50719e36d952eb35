"""Listening for NBD clients."""

from __future__ import annotations

import asyncio

from storage.connection import split_address
from storage.nbd.connection import NbdConnection
from storage.nbd.exports import Exports


class NbdServer:
    """`address` is "host:port" (port 0: a free one) or "unix:/path"."""

    def __init__(self, exports: Exports) -> None:
        self._exports = exports
        self._connections: set[NbdConnection] = set()
        self._idle = asyncio.Event()
        self.address = ""

    async def start(self, address: str) -> None:
        """Raises OSError, ValueError."""
        loop = asyncio.get_running_loop()
        if address.startswith("unix:"):
            self._server: asyncio.AbstractServer = await loop.create_unix_server(self._accept, address[5:])
            self.address = address
            return
        host, port = split_address(address)
        server = await loop.create_server(self._accept, host, port)
        self._server, self.address = server, f"{host}:{server.sockets[0].getsockname()[1]}"

    def _accept(self) -> NbdConnection:
        connection = NbdConnection(self._exports, self._closed)
        self._connections.add(connection)
        self._idle.clear()
        return connection

    def _closed(self, connection: NbdConnection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._idle.set()

    async def stop(self) -> None:
        """Close all connections, and the images behind them."""
        self._server.close()
        for connection in list(self._connections):
            connection.close()
        if self._connections:
            await asyncio.wait_for(self._idle.wait(), 10)

"""A TCP connection that carries messages: both ends say Hello, then send whatever they like, whenever they like.

What `send` takes within one turn of the event loop goes out in one system call (uvloop gathers it). A peer that
vanishes without a word is noticed after `VANISHED` seconds. Nothing is sent again here: that is the callers' part.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from typing import cast

from storage.frames import BadFrame, Buffer, FrameReader, encode
from storage.messages import AnyMessage, Hello, Message

log = logging.getLogger(__name__)

#: Unacknowledged bytes, or a silent machine, end a connection after so long, seconds.
VANISHED = 3
#: Whoever connects must have said Hello after so long, seconds.
GREETING = 3.0

OnMessage = Callable[["Connection", AnyMessage, memoryview], None]
OnClosed = Callable[["Connection", str], None]
OnOpen = Callable[["Connection"], None]


def split_address(address: str) -> tuple[str, int]:
    """ "host:port" or "[::1]:port" as a pair. Raises ValueError."""
    host, _, port = address.rpartition(":")
    if not host:
        raise ValueError(f"not an address of the form host:port: {address!r}")
    return host.strip("[]"), int(port)


class Connection(asyncio.Protocol):
    """One end of a connection. It is open from the other's Hello on; `on_closed` follows each `on_open` exactly once.

    `hello` is what this end says of itself. All callbacks run in the event loop and must not block.
    """

    name = ""
    incarnation = ""

    def __init__(
        self,
        hello: Hello,
        on_message: OnMessage,
        on_closed: OnClosed,
        on_open: OnOpen,
        *,
        speaks_first: bool,
    ) -> None:
        self._hello, self._speaks_first = hello, speaks_first
        self._on_message, self._on_closed, self._on_open = on_message, on_closed, on_open
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None
        self._greeting: asyncio.TimerHandle | None = None
        self._reason = ""
        self.is_open = False
        self.peer_address = ""

    def send(self, message: Message, data: Sequence[Buffer] = ()) -> None:
        """Queue a message; lost if the connection ends before. The buffers must not change until they are out."""
        if self.is_open:
            self._transport.writelines(encode(message, data))  # type: ignore[union-attr]

    @property
    def unsent(self) -> int:
        """Bytes that the kernel did not take yet: a slow reader, or much at once."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def close(self, reason: str = "closed here") -> None:
        """Send what is queued, then close. Nothing that still arrives is delivered."""
        self._end(reason)
        if self._transport is not None:
            self._transport.close()

    def abort(self, reason: str) -> None:
        """Close at once; what is queued is dropped."""
        self._end(reason)
        if self._transport is not None:
            self._transport.abort()

    def _end(self, reason: str) -> None:
        self._reason = self._reason or reason
        if self._greeting is not None:
            self._greeting.cancel()
        if self.is_open:
            self.is_open = False
            self._on_closed(self, self._reason)

    # -- asyncio's callbacks -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        _notice_silence(transport.get_extra_info("socket"))
        peer = transport.get_extra_info("peername")
        self.peer_address = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else str(peer)
        self._greeting = asyncio.get_running_loop().call_later(GREETING, self.abort, "no Hello came")
        if self._speaks_first:
            transport.writelines(encode(self._hello))

    def data_received(self, data: bytes) -> None:
        try:
            for message, payload in self._reader.feed(data):
                if self.is_open:
                    self._on_message(self, message, payload)
                elif self._reason:
                    return
                else:
                    self._greet(message)
        except BadFrame as error:
            log.warning("closing the connection with %s: %s", self.name or self.peer_address, error)
            self.abort(str(error))
        except Exception:
            log.exception("closing the connection with %s: its message could not be handled", self.name)
            self.abort("a message could not be handled")

    def _greet(self, message: AnyMessage) -> None:
        if not isinstance(message, Hello):
            raise BadFrame(f"it begins with {type(message).__name__}, not with Hello")
        if message.fsid and self._hello.fsid and message.fsid != self._hello.fsid:
            raise BadFrame(f"it belongs to cluster {message.fsid}, this is {self._hello.fsid}")
        assert self._transport is not None
        assert self._greeting is not None
        self._greeting.cancel()
        self.name, self.incarnation = message.name, message.incarnation
        if not self._speaks_first:
            self._transport.writelines(encode(self._hello))
        self.is_open = True
        self._on_open(self)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._end(str(error) if error is not None else "closed by the other end")


class Listener:
    """A listening socket and the connections that came in through it."""

    def __init__(self, hello: Hello, on_message: OnMessage, on_closed: OnClosed, on_open: OnOpen) -> None:
        #: What the next connections will hear.
        self.hello = hello
        #: Where it listens, with the port that it got.
        self.address = ""
        self.connections: set[Connection] = set()
        self._on_message, self._on_closed, self._on_open = on_message, on_closed, on_open
        self._server: asyncio.AbstractServer | None = None

    async def start(self, address: str) -> None:
        """Port 0: any free port. Raises OSError."""
        host, port = split_address(address)
        server = await asyncio.get_running_loop().create_server(self._accept, host, port, backlog=512)
        self._server = server
        self.address = f"{host}:{server.sockets[0].getsockname()[1]}"

    def close(self) -> None:
        """Listen no more, and close what came in."""
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.close()

    def _accept(self) -> Connection:
        return Connection(self.hello, self._on_message, self._closed, self._opened, speaks_first=False)

    def _opened(self, connection: Connection) -> None:
        self.connections.add(connection)
        self._on_open(connection)

    def _closed(self, connection: Connection, reason: str) -> None:
        self.connections.discard(connection)
        self._on_closed(connection, reason)


async def connect(
    address: str, hello: Hello, on_message: OnMessage, on_closed: OnClosed, *, seconds: float = 2.0
) -> Connection:
    """An open connection: the other end has said Hello. Raises OSError (TimeoutError is one)."""
    loop = asyncio.get_running_loop()
    opened: asyncio.Future[None] = loop.create_future()

    def on_open(_: Connection) -> None:
        if not opened.done():
            opened.set_result(None)

    host, port = split_address(address)
    connection = _Outgoing(hello, on_message, on_closed, on_open, opened)
    try:
        async with asyncio.timeout(seconds):
            await loop.create_connection(lambda: connection, host, port)
            await opened
    except BaseException:
        connection.abort("given up")
        raise
    return connection


async def listen(
    address: str, hello: Hello, on_message: OnMessage, on_closed: OnClosed, on_open: OnOpen = lambda _: None
) -> Listener:
    """Accept connections. Raises OSError."""
    listener = Listener(hello, on_message, on_closed, on_open)
    await listener.start(address)
    return listener


class _Outgoing(Connection):
    """A connection that somebody waits for."""

    def __init__(
        self, hello: Hello, on_message: OnMessage, on_closed: OnClosed, on_open: OnOpen, opened: asyncio.Future[None]
    ) -> None:
        super().__init__(hello, on_message, on_closed, on_open, speaks_first=True)
        self._opened = opened

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        if not self._opened.done():
            self._opened.set_exception(ConnectionResetError(f"no Hello from {self.peer_address}: {self._reason}"))


def _notice_silence(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, VANISHED)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, VANISHED * 1000)

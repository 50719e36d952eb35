"""Sending one object to Swift while its data arrives.

Its length is not known in advance, so it is sent in chunks. Swift keeps nothing of an object whose last chunk did not
come. Clients of HTTP that pull the data from an iterator would need another thread for it; `http.client` lets us push.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from urllib3.util import wait_for_read

from services.image.store import StoreFull
from services.image.swift_account import BROKEN, CONNECT_SECONDS, STORE_SECONDS, Account, Missing, NoAnswer, judge
from services.platform.faults import Unavailable

Block: TypeAlias = "bytes | memoryview"

#: Seconds for a block to leave.
_SEND_SECONDS: Final = 10.0


class WasCut(Exception):
    """Somebody has given the object up."""


class PutStream:
    """One attempt through one entrance, closed by whatever it raises: NoAnswer, StoreFull."""

    def __init__(self, account: Account, root: str, path: str) -> None:
        self._account, self._token = account, account.token()
        url = urlsplit(root)
        self._connection = HTTPConnection(url.hostname or "", url.port, timeout=CONNECT_SECONDS)
        with self._closing_on_trouble():
            self._connection.connect()
            self._connection.auto_open = 0  # what was closed stays closed
            self._socket: socket.socket = self._connection.sock
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            self._socket.settimeout(_SEND_SECONDS)
            self._connection.putrequest("PUT", url.path + path, skip_accept_encoding=True)
            self._connection.putheader("X-Auth-Token", self._token)
            self._connection.putheader("Content-Type", "application/octet-stream")
            self._connection.putheader("Transfer-Encoding", "chunked")
            self._connection.endheaders()

    def send(self, block: Block) -> None:
        with self._closing_on_trouble():
            if wait_for_read(self._socket, 0):  # an answer before the end is a refusal, or the end of the connection
                self._answer()
                raise NoAnswer("an answer to half an object")
            self._connection.send(b"%x\r\n" % len(block))
            self._connection.send(block)
            self._connection.send(b"\r\n")

    def finish(self) -> str:
        """End the object; returns its entity tag when it is safely stored."""
        with self._closing_on_trouble():
            self._connection.send(b"0\r\n\r\n")
            self._socket.settimeout(STORE_SECONDS)
            tag = self._answer()
            self._connection.close()
            return tag

    def _answer(self) -> str:
        response = self._connection.getresponse()
        response.read()
        if response.status == 401:
            self._account.refused(self._token)
        judge(response.status)
        return response.getheader("Etag", "").strip('"')

    @contextmanager
    def _closing_on_trouble(self) -> Iterator[None]:
        try:
            yield
        except Missing as error:  # the container was made a moment ago, and not all have heard of it
            self._connection.close()
            raise NoAnswer("there is no container") from error
        except (*BROKEN, ValueError) as error:  # ValueError: another thread has closed the socket
            self._connection.close()
            raise NoAnswer(str(error) or type(error).__name__) from error
        except (NoAnswer, StoreFull):
            self._connection.close()
            raise

    def interrupt(self) -> None:
        """Wake up a thread that is waiting in another method."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._connection.close()


class ObjectWriter:
    """One object. With `keeping`, its data stays in memory until it is stored: another entrance can take over."""

    def __init__(self, account: Account, path: str, *, keeping: bool) -> None:
        self._account, self._path = account, path
        self._kept: list[Block] | None = [] if keeping else None
        self._stream: PutStream | None = None
        self._cut = threading.Event()
        self.size = 0

    def write(self, block: Block) -> None:
        """Raises Unavailable, StoreFull, WasCut."""
        self.size += len(block)
        if self._kept is not None:
            self._kept.append(block)
        if self._stream is None:
            self._account.anywhere(lambda root: self._send(root, self._kept or [block]))
            return
        try:
            self._stream.send(block)
        except NoAnswer as error:
            kept = self._what_was_kept(error)
            self._account.anywhere(lambda root: self._send(root, kept))

    def finish(self) -> str:
        """Return its entity tag when it is safely stored. Raises Unavailable, StoreFull, WasCut."""
        assert self._stream is not None, "nothing was written"
        try:
            return self._stream.finish()
        except NoAnswer as error:
            kept = self._what_was_kept(error)
            return self._account.anywhere(lambda root: self._send(root, kept).finish())

    def _send(self, root: str, blocks: list[Block]) -> PutStream:
        if self._cut.is_set():
            raise WasCut
        self._stream = PutStream(self._account, root, self._path)
        for block in blocks:
            self._stream.send(block)
        return self._stream

    def _what_was_kept(self, error: NoAnswer) -> list[Block]:
        if self._cut.is_set():
            raise WasCut from error
        if self._kept is None:
            raise Unavailable("The object storage broke the upload off. Repeat it.") from error
        return self._kept

    def cut(self) -> None:
        """Give it up, whatever another thread is doing with it."""
        self._cut.set()
        if self._stream is not None:
            self._stream.interrupt()

    def close(self) -> None:
        """Once no thread is in any other method."""
        if self._stream is not None:
            self._stream.close()

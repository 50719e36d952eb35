"""A service fills an image over a connection whose other end stops reading for a while."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from services.platform.image_data import fill
from services.platform.outgoing import http_pool
from services.platform.service_token import ServiceToken

BLOCK, BLOCKS = 1 << 20, 16
PAUSE = 1.5
"""Longer than a connection may take to be made, and than all buffers on the way last."""


class Token(ServiceToken):
    """One that needs no identity."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:9", "somebody", "")

    def get(self) -> str:
        return "token"


class Hesitant(threading.Thread):
    """Takes one request, and pauses before it reads the data."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        self.taken = 0

    def run(self) -> None:
        connection, _ = self.listener.accept()
        with connection:
            connection.settimeout(20)
            threading.Event().wait(PAUSE)
            received = b""
            while not received.endswith(b"0\r\n\r\n"):
                piece = connection.recv(1 << 20)
                if not piece:
                    return
                self.taken += len(piece)
                received = (received + piece)[-64:]
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


@pytest.fixture
def hesitant() -> Iterator[Hesitant]:
    server = Hesitant()
    server.start()
    yield server
    server.listener.close()
    server.join(20)


def test_an_upload_waits_for_a_server_that_pauses(hesitant: Hesitant) -> None:
    url = f"http://127.0.0.1:{hesitant.listener.getsockname()[1]}/v2/images"
    pool = http_pool(read_seconds=60.0)
    try:
        fill(pool, url, "an-image", Token(), (bytes(BLOCK) for _ in range(BLOCKS)))
    finally:
        pool.clear()
    assert hesitant.taken > BLOCK * BLOCKS

"""The control socket: one JSON request a connection, one JSON answer."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

SOCKET = Path("/run/wan.sock")
PATIENCE = 10.0

Handler = Callable[[dict[str, object]], object]


class Control(threading.Thread):
    """Answers requests one after the other."""

    def __init__(self, handler: Handler) -> None:
        super().__init__(daemon=True, name="control")
        self._handler = handler
        SOCKET.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(SOCKET))
        os.chmod(SOCKET, 0o600)
        self._listener.listen(8)

    def run(self) -> None:
        """Serve until the process ends."""
        while True:
            connection, _ = self._listener.accept()
            with contextlib.suppress(OSError), connection:
                connection.settimeout(PATIENCE)
                connection.sendall(self._answer(_read(connection)))

    def _answer(self, request: bytes) -> bytes:
        try:
            answer = self._handler(json.loads(request))
        except (ValueError, KeyError, OSError) as error:
            answer = {"error": str(error)}
        return json.dumps(answer).encode()


def ask(request: dict[str, object]) -> dict[str, object]:
    """Ask the running router."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(str(SOCKET))
        connection.sendall(json.dumps(request).encode())
        connection.shutdown(socket.SHUT_WR)
        answer: dict[str, object] = json.loads(_read(connection))
    return answer


def _read(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)

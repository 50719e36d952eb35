"""The state port: one line about this node for whoever connects, and the peers' lines."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Mapping

from galera.records import Node, parse_line

PORT = 4569
TIMEOUT = 0.25


class StatePort(threading.Thread):
    """Answers each connection with the current line and closes it."""

    def __init__(self, line: Callable[[], str], port: int = PORT) -> None:
        super().__init__(daemon=True, name="state-port")
        self._line = line
        self._listener = socket.create_server(("", port), backlog=64)

    def run(self) -> None:
        """Serve until the process ends."""
        while True:
            with contextlib.suppress(OSError):
                connection, _ = self._listener.accept()
                with connection:
                    connection.sendall(f"{self._line()}\n".encode())


def ask(address: str, port: int = PORT) -> Node | None:
    """A peer's own description, None if it does not answer."""
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=TIMEOUT) as connection:
        received = b""
        while not received.endswith(b"\n") and (chunk := connection.recv(512)):
            received += chunk
        return parse_line(received.decode("ascii", "replace"))
    return None


def ask_all(addresses: Mapping[int, str]) -> dict[int, Node | None]:
    """Every peer's description."""
    return {ordinal: ask(address) for ordinal, address in addresses.items()}

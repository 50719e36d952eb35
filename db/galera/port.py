"""The state port: one line about this node for whoever connects, and the peers' lines."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Mapping

from galera.records import Node, parse_line

PORT = 4569
NEAR = 0.25
"""Seconds to wait for each step of an answer from a peer in the same network."""
FAR = 0.6
"""The same across a WAN, whose round trip may be 160 ms."""


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


def ask(address: str, patience: float = NEAR, port: int = PORT) -> Node | None:
    """A peer's own description, None if it does not answer."""
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=patience) as connection:
        received = b""
        while not received.endswith(b"\n") and (chunk := connection.recv(512)):
            received += chunk
        return parse_line(received.decode("ascii", "replace"))
    return None


def ask_all(addresses: Mapping[int, str], patience: float = NEAR) -> dict[int, Node | None]:
    """Every peer's description; all are asked at once, so that silent ones cost no more than one."""
    answers: dict[int, Node | None] = dict.fromkeys(addresses)

    def note(ordinal: int, address: str) -> None:
        answers[ordinal] = ask(address, patience)

    threads = [threading.Thread(target=note, args=each, daemon=True) for each in addresses.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers

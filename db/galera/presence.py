"""Who has died: each member of a cluster over regions holds a connection to every other one.

The engine gives a member up when it has not been heard for some seconds: over a WAN it cannot know better. But a
process that dies has its connections closed by its kernel, at once. Only that counts as a death here (TCP's FIN, RFC
9293, 3.6): a reset, a time-out or an unreachable host may be the network's doing. A member that is frozen or cut off is
left to the engine's own patience.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Mapping

PORT = 4570
PATIENCE = 1.0
"""Seconds to wait for a connection."""
AGAIN = 0.5
"""Seconds between two attempts."""


class PresencePort(threading.Thread):
    """Holds whatever connections come, without a word, until the process ends."""

    def __init__(self, port: int = PORT) -> None:
        super().__init__(daemon=True, name="presence-port")
        self._listener = socket.create_server(("", port), backlog=64)

    def run(self) -> None:
        """Accept until the process ends. A connection that its other end closed is let go."""
        held: list[socket.socket] = []
        while True:
            with contextlib.suppress(OSError):
                connection, _ = self._listener.accept()
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                held = [each for each in held if not _is_over(each)] + [connection]


class Watch(threading.Thread):
    """Watches one member; `told` hears its name each time that it dies."""

    def __init__(self, name: str, address: str, told: Callable[[str], None], port: int = PORT) -> None:
        super().__init__(daemon=True, name=f"presence of {name}")
        self._name, self._address, self._port, self._told = name, address, port, told
        self._over = threading.Event()

    def run(self) -> None:
        """Connect, wait for the end, again and again."""
        while not self._over.wait(AGAIN):
            if self._died():
                self._told(self._name)

    def end(self) -> None:
        """Watch no more, once the connection that there is now has ended."""
        self._over.set()

    def _died(self) -> bool:
        """Hold one connection to its end; whether the other process closed it."""
        try:
            with socket.create_connection((self._address, self._port), timeout=PATIENCE) as connection:
                connection.settimeout(None)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                return connection.recv(1) == b""
        except OSError:
            return False


def watch(members: Mapping[str, str], told: Callable[[str], None]) -> None:
    """Watch members, given by name and address, from now on."""
    for name, address in members.items():
        Watch(name, address, told).start()


def _is_over(connection: socket.socket) -> bool:
    try:
        over = connection.recv(1, socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        over = True
    if over:
        connection.close()
    return over

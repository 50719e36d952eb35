"""Whom a member of a cluster over regions hears just now: it asks others four times a second, by datagram.

A datagram that is lost is not repeated, so an answer says how things are now, and asking costs next to nothing.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Mapping

from galera.port import PORT
from galera.records import Node, parse_line

LOOK = 0.25
"""Seconds between two questions."""
FRESH = 0.6
"""Seconds for which an answer counts: a question or two may be lost, and a round trip may take 160 ms."""
LONGEST = 512


class AnswerPort(threading.Thread):
    """Answers each question with the line of this member."""

    def __init__(self, line: Callable[[], str], port: int = PORT) -> None:
        super().__init__(daemon=True, name="answer-port")
        self._line = line
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("", port))

    def run(self) -> None:
        """Serve until the process ends."""
        while True:
            with contextlib.suppress(OSError):
                _, whence = self._socket.recvfrom(LONGEST)
                self._socket.sendto(self._line().encode(), whence)


class Earshot(threading.Thread):
    """Asks, and tells `heard` after each round who has answered of late."""

    def __init__(
        self, addresses: Mapping[int, str], heard: Callable[[Mapping[int, Node], float], None], port: int = PORT
    ) -> None:
        super().__init__(daemon=True, name="earshot")
        self._targets = [(address, port) for address in addresses.values()]
        self._names = {address: ordinal for ordinal, address in addresses.items()}
        self._heard = heard
        self._answers: dict[int, tuple[Node, float]] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def run(self) -> None:
        """Ask until the process ends."""
        while self._targets:
            for target in self._targets:
                with contextlib.suppress(OSError):
                    self._socket.sendto(b"?", target)
            self._listen(time.monotonic() + LOOK)
            now = time.monotonic()
            self._heard({one: node for one, (node, at) in self._answers.items() if now - at < FRESH}, now)

    def _listen(self, until: float) -> None:
        while (left := until - time.monotonic()) > 0:
            self._socket.settimeout(left)
            with contextlib.suppress(OSError):
                text, (address, _) = self._socket.recvfrom(LONGEST)
                node = parse_line(text.decode("ascii", "replace"))
                if node and address in self._names:
                    self._answers[self._names[address]] = node, time.monotonic()

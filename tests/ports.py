"""Ports of the loopback for the servers of a test."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket

FIRST, EACH = 11_000, 2_000
_numbers = itertools.count()


def free_port() -> int:
    """A port that nobody listens on, and that no other test of this run is given.

    None of those that the kernel gives to whoever asks for any: by the time that its server starts, such a port may be
    somebody else's. Tests that run side by side have ports of their own.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for number in itertools.islice(_numbers, EACH):
        port = FIRST + worker * EACH + number % EACH
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise OSError("no port is free")

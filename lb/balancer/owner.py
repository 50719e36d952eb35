"""Says to whoever asks whether this machine has the region's address: of two that do, one look shows both."""

from __future__ import annotations

import socket

PORT = 4570
PATIENCE = 1.0


def watch(address: str) -> None:
    """Answer for ever, a line for each connection."""
    with socket.create_server(("0.0.0.0", PORT)) as listener:
        while True:
            asking, _ = listener.accept()
            with asking:
                asking.settimeout(PATIENCE)
                answer(asking, address)


def answer(asking: socket.socket, address: str) -> None:
    """One line; whoever did not wait for it does no harm."""
    try:
        asking.sendall(b"owner\n" if is_own(address) else b"standby\n")
    except OSError:
        return


def is_own(address: str) -> bool:
    """Whether this machine has the address: only then can something be bound to it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trying:
        try:
            trying.bind((address, 0))
        except OSError:
            return False
    return True

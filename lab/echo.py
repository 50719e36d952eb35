"""Measures a path with echoes: round trips and losses, as packets meet them.

Runs in a container of the lab (standard library only, unprivileged), which gets this file's text as a command. The
kernel of the other end answers, so what is measured is the network and not how busy a service is.

Usage: python3 -S -c SOURCE ADDRESS COUNT PAUSE PATIENCE
Prints how many echoes were sent and how many came back, then their shortest, median and longest round trip in ms.
"""

import select
import socket
import struct
import sys
import time

ECHO_REQUEST = 8


def checksum(data: bytes) -> int:
    """The Internet checksum of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def request(sequence: int) -> bytes:
    """One echo request; the kernel fills in the identifier."""
    body = struct.pack("!HH", 0, sequence) + bytes(56)
    return struct.pack("!BBH", ECHO_REQUEST, 0, checksum(struct.pack("!BBH", ECHO_REQUEST, 0, 0) + body)) + body


def measure(address: str, count: int, pause: float, patience: float) -> tuple[int, list[float]]:
    """How many echoes were sent, and the round trips of those that came back."""
    sent: dict[int, float] = {}
    trips: list[float] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as echo:
        echo.connect((address, 0))
        began = time.monotonic()
        deadline = began + count * pause + patience
        while len(trips) < count and (now := time.monotonic()) < deadline:
            if len(sent) < count and now >= began + len(sent) * pause:
                sent[len(sent)] = now
                echo.send(request(len(sent) - 1))
                continue
            due = began + len(sent) * pause if len(sent) < count else deadline
            if select.select([echo], [], [], max(0.0, due - now))[0]:
                arrived = time.monotonic()
                (sequence,) = struct.unpack("!H", echo.recv(2048)[6:8])
                trips.append((arrived - sent[sequence]) * 1000)
    return len(sent), sorted(trips)


if __name__ == "__main__":
    try:
        number, times = measure(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
    except OSError:  # no route at all
        number, times = int(sys.argv[2]), []
    print(number, len(times), *([times[0], times[len(times) // 2], times[-1]] if times else []))

"""A client in the world, run inside the lab's client container: asks identity all the time, in two ways, and prints
when it was served. `python3 -c <this> ANYCAST DNS-ONE,DNS-TWO NAME`; a line on its standard input is a new pause
between two questions, in seconds, and it ends when its standard input does.

*anycast*: a fresh connection to the announced address, every 100 ms. *DNS*: the same to the one address that it got for
the name and believes for as long as the answer's TTL says, as a browser does; of several it takes the lowest, so that
it depends on the first region whenever the answer has it.
"""

import random
import socket
import struct
import sys
import threading
import time

PORT, PAUSE, TIMEOUT = 5000, 0.1, 0.15
ASKED = b"GET /v3 HTTP/1.1\r\nHost: identity\r\nConnection: close\r\n\r\n"
A_RECORD, INTERNET = 1, 1


def served(address: str) -> bool:
    """Whether one fresh request is answered."""
    try:
        with socket.create_connection((address, PORT), TIMEOUT) as connection:
            connection.settimeout(TIMEOUT)
            connection.sendall(ASKED)
            return b" 200 " in connection.recv(4096).split(b"\r\n", 1)[0]
    except OSError:
        return False


def question(number: int, name: str) -> bytes:
    """A DNS query for a name's addresses (RFC 1035, section 4)."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", A_RECORD, INTERNET)


def answers(packet: bytes) -> list[tuple[str, int]]:
    """Addresses and their TTL in seconds."""
    (count,) = struct.unpack_from(">H", packet, 6)
    at = past_name(packet, 12) + 4
    found = []
    for _ in range(count):
        at = past_name(packet, at)
        kind, _, ttl, length = struct.unpack_from(">HHIH", packet, at)
        at += 10
        if kind == A_RECORD:
            found.append((socket.inet_ntoa(packet[at : at + 4]), ttl))
        at += length
    return found


def past_name(packet: bytes, at: int) -> int:
    """Where a name ends."""
    while packet[at]:
        if packet[at] >= 0xC0:
            return at + 2
        at += packet[at] + 1
    return at + 1


def resolve(servers: list[str], name: str) -> list[tuple[str, int]]:
    """Ask one server after the other, as resolvers do."""
    for server in servers:
        number = random.randrange(65536)  # noqa: S311 - no secret
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
                asking.settimeout(0.3)
                asking.connect((server, 53))
                asking.send(question(number, name))
                packet = asking.recv(4096)
        except OSError:
            continue
        if packet[:2] == struct.pack(">H", number) and (found := answers(packet)):
            return found
    return []


class Pace:
    """How long to pause; `wait` is true when it is over for good."""

    def __init__(self) -> None:
        self.seconds, self._ended = PAUSE, threading.Event()

    def wait(self) -> bool:
        return self._ended.wait(self.seconds)

    def end(self) -> None:
        self._ended.set()


def by_anycast(address: str, pace: Pace) -> None:
    """Poll the announced address."""
    while True:
        if served(address):
            tell("anycast")
        if pace.wait():
            return


def by_name(servers: list[str], name: str, pace: Pace) -> None:
    """Poll the address that the name has."""
    address, believed_until = "", 0.0
    while True:
        if time.monotonic() > believed_until:
            found = resolve(servers, name)
            if found:
                address, believed_until = min(a for a, _ in found), time.monotonic() + min(ttl for _, ttl in found)
        if address and served(address):
            tell("DNS")
        if pace.wait():
            return


def tell(way: str) -> None:
    """One success; containers share the machine's monotonic clock."""
    sys.stdout.write(f"{way} {time.monotonic():.4f}\n")
    sys.stdout.flush()


def main() -> None:
    """Run both until standard input ends."""
    anycast, servers, name = sys.argv[1:4]
    pace = Pace()
    threading.Thread(target=by_anycast, args=(anycast, pace), daemon=True).start()
    threading.Thread(target=by_name, args=(servers.split(","), name, pace), daemon=True).start()
    for line in sys.stdin:
        pace.seconds = float(line)
    pace.end()


if __name__ == "__main__":
    main()

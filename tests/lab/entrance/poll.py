"""Asks all the time, as a client outside would, and prints when it got answers from where.

Usage:
    poll.py anycast SECONDS PATIENCE ADDRESS          a fresh connection each time
    poll.py dns SECONDS PATIENCE NAME SERVER...       resolves, keeps the answer for its TTL, asks the first address
    poll.py records SECONDS PATIENCE NAME SERVER...   only watches what each server answers
"""

import json
import random
import socket
import struct
import sys
import threading
import time

PORT, PAUSE, TTL = 5000, 0.01, 2.0


def ask(address: str) -> str:
    with socket.create_connection((address, PORT), timeout=float(patience)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = b""
        while part := connection.recv(4096):
            received += part
    head, _, body = received.partition(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n")[0]:
        raise OSError(head.decode())
    return body.decode()


def resolve(name: str, server: str, patience: float) -> list[str]:
    question = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
    query = struct.pack("!HHHHHH", random.randrange(65536), 0x100, 1, 0, 0, 0) + question + struct.pack("!HH", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(patience)
        asking.connect((server, 53))
        asking.send(query)
        reply = asking.recv(1500)
    count, place, found = struct.unpack("!H", reply[6:8])[0], len(query), []
    for _ in range(count):
        kind, _, _, length = struct.unpack("!HHIH", reply[place + 2 : place + 12])
        if kind == 1:
            found.append(socket.inet_ntoa(reply[place + 12 : place + 12 + length]))
        place += 12 + length
    if not found:
        raise OSError(f"{server} knows no {name}")
    return found


class Resolver:
    """One that asks its servers in order, gives each a second, and keeps an answer for its time."""

    def __init__(self, name: str, servers: list[str]) -> None:
        self.name, self.servers, self.until, self.kept = name, servers, 0.0, ""

    def address(self) -> str:
        if time.monotonic() >= self.until:
            for server in self.servers:
                try:
                    self.kept = resolve(self.name, server, 1.0)[0]
                except OSError:
                    continue
                self.until = time.monotonic() + TTL
                break
        return self.kept


def poll(where, seconds: float) -> list[tuple[float, str]]:
    answers, deadline = [], time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            site = ask(where())
            answers.append((time.monotonic(), site))
        except OSError:
            pass
        time.sleep(PAUSE)
    return [*answers, (time.monotonic(), "end")]


def watch(name: str, server: str, seconds: float, changes: list[tuple[float, str]]) -> None:
    before, deadline = "", time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            found = " ".join(sorted(resolve(name, server, 0.5)))
        except OSError:
            continue
        if before != found:
            before = found
            changes.append((time.monotonic(), f"{server}: {found}"))
        time.sleep(PAUSE)


def watch_all(name: str, servers: list[str], seconds: float) -> list[tuple[float, str]]:
    changes: list[tuple[float, str]] = []
    threads = [threading.Thread(target=watch, args=(name, server, seconds, changes)) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return changes


verb, seconds, patience, subject, *servers = sys.argv[1:]
if verb == "anycast":
    print(json.dumps(poll(lambda: subject, float(seconds))))
elif verb == "dns":
    print(json.dumps(poll(Resolver(subject, servers).address, float(seconds))))
else:
    print(json.dumps(watch_all(subject, servers, float(seconds))))

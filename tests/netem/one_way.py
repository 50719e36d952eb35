"""Measures every direction between the sites by itself: all of a machine's namespaces have one clock.

Runs in the machine that has them, which gets this file's text as a command. Standard library of `python3-minimal` only.

Usage: python3 -S -c SOURCE ENDS COUNT PAUSE PATIENCE [DOCUMENT]
ENDS: a JSON object of sites and addresses. PATIENCE: for how many seconds after the last packet.
DOCUMENT: what the router is told to apply when half of the packets are out.
Prints a JSON object of directions: how many packets arrived, and the shortest, median and longest time in ms.
"""

import json
import os
import select
import socket
import struct
import sys
import time

PORT = 7
STAMP = struct.Struct("!d")


def socket_in(namespace: str, address: str) -> socket.socket:
    """A socket of another namespace."""
    with open(f"/run/netns/{namespace}") as target:
        os.setns(target.fileno(), os.CLONE_NEWNET)
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.bind((address, PORT))
    return opened


def main() -> None:
    """Send, receive, print."""
    ends, (count, pause, patience) = json.loads(sys.argv[1]), map(float, sys.argv[2:5])
    sockets = {site: socket_in(site, address) for site, address in ends.items()}
    sites = {address: site for site, address in ends.items()}
    times: dict[str, list[float]] = {f"{here}>{there}": [] for here in ends for there in ends if here != there}
    middle = json.loads(sys.argv[5]) if len(sys.argv) > 5 else None
    began = last = time.monotonic()
    sent = 0
    while (now := time.monotonic()) < last + patience or sent < count:
        if sent < count and now >= began + sent * pause:
            sent, last = sent + 1, now
            for direction in times:
                here, there = direction.split(">")
                sockets[here].sendto(STAMP.pack(time.monotonic()), (ends[there], PORT))
            if sent == count // 2 and middle is not None:
                tell_router(middle)
        for site, receiver in sockets.items():
            while select.select([receiver], [], [], 0)[0]:
                stamp, (address, _) = receiver.recvfrom(64)
                times[f"{sites[address]}>{site}"].append((time.monotonic() - STAMP.unpack(stamp)[0]) * 1000)
        select.select(list(sockets.values()), [], [], pause / 4)
    print(json.dumps({direction: summary(sorted(found)) for direction, found in times.items()}))


def tell_router(document: object) -> None:
    """As `wan apply` does."""
    from router.control import ask

    answer = ask({"verb": "apply", "links": document})
    assert "error" not in answer, answer


def summary(times: list[float]) -> dict[str, float]:
    """How many there are, and how they spread."""
    found: dict[str, float] = {"arrived": len(times)}
    return found | ({"shortest": times[0], "median": times[len(times) // 2], "longest": times[-1]} if times else {})


main()

"""Notices that the region's address moved to another machine.

A load balancer that dies takes its connections with it, silently: whoever waits for an answer would wait until a
keep-alive probe fails. The kernel's neighbour table knows at once, since the new owner announces itself.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

NEIGHBOUR_GROUP = 4  # RTMGRP_NEIGH
NEW_NEIGHBOUR = 28  # RTM_NEWNEIGH
HEADER = struct.Struct("=IHHII")
NEIGHBOUR = struct.Struct("=BBHiHBB")
ATTRIBUTE = struct.Struct("=HH")
DESTINATION, LINK_ADDRESS = 1, 2


def entries(packet: bytes) -> Iterator[tuple[str, str]]:
    """Address and hardware address of each entry that a netlink packet announces."""
    while len(packet) >= HEADER.size:
        length, kind, *_ = HEADER.unpack_from(packet)
        if length < HEADER.size:
            return
        if kind == NEW_NEIGHBOUR:
            found = attributes(packet[HEADER.size + NEIGHBOUR.size : length])
            if len(found.get(DESTINATION, b"")) == 4 and LINK_ADDRESS in found:
                yield socket.inet_ntoa(found[DESTINATION]), found[LINK_ADDRESS].hex(":")
        packet = packet[(length + 3) & ~3 :]


def attributes(data: bytes) -> dict[int, bytes]:
    """Attributes of one netlink message."""
    found = {}
    while len(data) >= ATTRIBUTE.size:
        length, kind = ATTRIBUTE.unpack_from(data)
        if length < ATTRIBUTE.size:
            break
        found[kind] = data[ATTRIBUTE.size : length]
        data = data[(length + 3) & ~3 :]
    return found


def moves(address: str) -> Iterator[str]:
    """Yield the new hardware address each time that the address moves; blocks in between."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as events:
        events.bind((0, NEIGHBOUR_GROUP))
        owner = ""
        while True:
            for where, hardware in entries(events.recv(65536)):
                if where == address and hardware != owner:
                    if owner:
                        yield hardware
                    owner = hardware

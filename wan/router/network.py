"""The router's place in the network: its legs, its announcements, and where the anycast address leads."""

from __future__ import annotations

import contextlib
import fcntl
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from router.rules import Leg

GET_ADDRESS, GET_HARDWARE = 0x8915, 0x8927  # SIOCGIFADDR, SIOCGIFHWADDR
ARP = 0x0806
ROUTE_GROUP = 0x40  # RTMGRP_IPV4_ROUTE
ANNOUNCEMENTS = 3


def find_legs(subnets: Mapping[str, str]) -> dict[str, Leg]:
    """Which interface stands in which site: the one with the address that ends in .3."""
    interfaces = {}
    for _, name in socket.if_nameindex():
        with contextlib.suppress(OSError):
            interfaces[socket.inet_ntoa(_ask(name, GET_ADDRESS)[20:24])] = name
    missing = [site for site, subnet in subnets.items() if f"{subnet}.3" not in interfaces]
    if missing:
        raise SystemExit(f"wan: not in the network of {', '.join(missing)}")
    return {site: Leg(site, interfaces[f"{subnet}.3"], subnet) for site, subnet in subnets.items()}


def _ask(interface: str, question: int) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        return fcntl.ioctl(asking.fileno(), question, struct.pack("256s", interface.encode()))


def announce(legs: Mapping[str, Leg]) -> None:
    """Tell every site who is its gateway now (gratuitous ARP), a few times: a broadcast may be lost."""
    for _ in range(ANNOUNCEMENTS):
        for leg in legs.values():
            hardware = _ask(leg.interface, GET_HARDWARE)[18:24]
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ARP)) as wire:
                wire.bind((leg.interface, ARP))
                wire.send(gratuitous_arp(hardware, f"{leg.subnet}.2"))
        time.sleep(1)


def gratuitous_arp(hardware: bytes, address: str) -> bytes:
    """The frame in which an address announces its owner."""
    owner = hardware + socket.inet_aton(address)
    frame = b"\xff" * 6 + hardware + struct.pack("!H", ARP)
    return frame + struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + owner + b"\0" * 6 + socket.inet_aton(address)


def anycast_gateway(table: str, anycast: str) -> str | None:
    """Where the kernel sends the anycast address, out of /proc/net/route."""
    wanted = _little(anycast)
    for line in table.splitlines()[1:]:
        _, destination, gateway, *_ = line.split()
        if destination == wanted:
            return socket.inet_ntoa(struct.pack("<I", int(gateway, 16)))
    return None


def _little(address: str) -> str:
    return f"{struct.unpack('<I', socket.inet_aton(address))[0]:08X}"


class AnycastWatch(threading.Thread):
    """Tells the site of the anycast address each time that the route changes."""

    def __init__(self, anycast: str, legs: Mapping[str, Leg], moved: Callable[[str | None], None]) -> None:
        super().__init__(daemon=True, name="anycast")
        self._anycast, self._legs, self._moved = anycast, legs, moved
        self.gateway: str | None = None

    def run(self) -> None:
        """Watch for ever."""
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as events:
            events.bind((0, ROUTE_GROUP))
            while True:
                self._look()
                events.recv(65536)

    def _look(self) -> None:
        gateway = anycast_gateway(Path("/proc/net/route").read_text(), self._anycast)
        if gateway == self.gateway:
            return
        self.gateway = gateway
        sites = [site for site, leg in self._legs.items() if gateway and gateway.startswith(f"{leg.subnet}.")]
        self._moved(sites[0] if sites else None)
        print(f"wan: {self._anycast} is reached through {gateway or 'nobody'}", flush=True)

"""Delays packets where the kernel has no netem: they come out of a TUN device, wait, and go in again."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import threading
import time

from router.lanes import Lanes
from router.rules import TUN

SET_INTERFACE = 0x400454CA  # TUNSETIFF
TUN_PACKETS = 0x1001  # IFF_TUN | IFF_NO_PI
LARGEST = 65535
AT_ONCE = 64
IDLE = 1.0


def open_tun() -> int:
    """Make the TUN device; it lives as long as the descriptor."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, SET_INTERFACE, struct.pack("16sH22x", TUN.encode(), TUN_PACKETS))
    return descriptor


class Relay(threading.Thread):
    """Carries packets from the TUN device to itself, each after its time."""

    def __init__(self, descriptor: int, lanes: Lanes) -> None:
        super().__init__(daemon=True, name="relay")
        self._tun, self._lanes = descriptor, lanes

    def run(self) -> None:
        """Carry packets for ever."""
        while True:
            arrival = self._lanes.next_arrival()
            patience = IDLE if arrival is None else max(0.0, arrival - time.monotonic())
            if select.select([self._tun], [], [], patience)[0]:
                self._receive()
            for packet in self._lanes.due(time.monotonic()):
                try:
                    os.write(self._tun, packet)
                except OSError:
                    continue  # not a packet that the kernel takes: lost, as on any wire

    def _receive(self) -> None:
        now = time.monotonic()
        for _ in range(AT_ONCE):
            try:
                packet = os.read(self._tun, LARGEST)
            except BlockingIOError:
                return
            self._lanes.take(packet, now)

"""Brings keepalived back after its machine was cut off: the interface that it gets then may have another name.

keepalived watches the interface that its configuration names. Where that one is gone for good it stays in its state
of fault for ever, although the machine is on the network again, and nobody would take the address over.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from balancer import supervisor
from balancer.sentry import say

LOOK = 0.5
PID_FILE = Path("/run/keepalived/pid")
DISCARD = 9
#: The other one sends ten advertisements in this time; keepalived waits for less than four before it takes over.
LISTEN = 1.0


class Rejoin:
    """Knows where keepalived looks. `reconfigure` is given the interface that it shall look at from now on."""

    def __init__(self, interface: str | None, reconfigure: Callable[[str], None]) -> None:
        self._configured = interface
        self._reconfigure = reconfigure

    def seen(self, interface: str | None) -> None:
        """The machine's address is on this interface now; None while it is cut off."""
        if interface is None or interface == self._configured:
            return
        with contextlib.suppress(OSError, ValueError):  # keepalived is about to start or to end; the next look tells
            self._reconfigure(interface)
            self._configured = interface
            say(f"back on the network, by {interface}: keepalived follows")


def watch(environment: Mapping[str, str]) -> None:
    """Look for ever."""
    address = supervisor.own_address(environment)
    rejoin = Rejoin(supervisor.interface_of(address), lambda interface: reconfigure(environment, interface))
    while True:
        rejoin.seen(supervisor.interface_of(address))
        time.sleep(LOOK)


def reconfigure(environment: Mapping[str, str], interface: str) -> None:
    """Have keepalived read its configuration again, made for this interface. Raises OSError, ValueError."""
    pid = int(PID_FILE.read_text())
    greet(f"{environment['SUBNET']}.{environment['VRRP_PEER']}")
    supervisor.VRRP_FILE.write_text(supervisor.vrrp_text(environment, interface))
    os.kill(pid, signal.SIGHUP)


def greet(peer: str) -> None:
    """Let the other load balancer's kernel know that this machine is there again.

    It has been asking for it in vain, and asks once a second only: until then its advertisements don't arrive, and
    keepalived would take the address from a living owner.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outside:
        outside.sendto(b"", (peer, DISCARD))
    time.sleep(LISTEN)

"""Beside the edge's HAProxy: connections through a load balancer that lost the address are closed at once."""

from __future__ import annotations

import contextlib

from balancer import runtime
from balancer.neighbour import moves
from balancer.sentry import say

PROXIES = ("identity", "image", "compute", "volume", "object")


def watch(address: str) -> None:
    """Follow the address for ever."""
    for hardware in moves(address):
        with contextlib.suppress(OSError):
            ended = sum(runtime.end_sessions(proxy, "address") for proxy in PROXIES)
            say(f"{address} moved to {hardware}: ended {ended} connections to its old owner")

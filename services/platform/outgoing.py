"""HTTP from one service to another: bounded in time, and not fooled by an address that moved."""

from __future__ import annotations

import socket

import urllib3
from urllib3.connection import HTTPConnection

#: With the container's keepalive settings (1 s, three probes) a peer that vanished without a word is noticed.
_SOCKET_OPTIONS = [*HTTPConnection.default_socket_options, (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]


def http_pool(*, read_seconds: float, connections: int = 16) -> urllib3.PoolManager:
    """A connection pool with `connections` per host; broken connections are retried, answers are not.

    For requests that may be repeated only. When the load balancer's address moves, every pooled connection breaks, so
    one retry would only find the next broken one.
    """
    return urllib3.PoolManager(
        maxsize=connections,
        timeout=urllib3.Timeout(connect=0.5, read=read_seconds),
        retries=urllib3.Retry(total=6, connect=4, read=4, redirect=0, status=0, other=2, backoff_factor=0.05),
        socket_options=_SOCKET_OPTIONS,
    )

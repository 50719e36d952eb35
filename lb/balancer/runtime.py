"""HAProxy's runtime socket."""

from __future__ import annotations

import re
import socket
from functools import lru_cache
from typing import NamedTuple

SOCKET = "/run/balancer/haproxy.sock"


class Server(NamedTuple):
    """One server of a proxy as HAProxy sees it."""

    name: str
    up: bool
    answers: bool  # the last check got an answer, be it the wrong one
    weight: int
    sessions: int


def ask(command: str) -> str:
    """One command and its answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(1.0)
        connection.connect(SOCKET)
        connection.sendall(f"{command}\n".encode())
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts).decode()


@lru_cache
def _columns(header: str) -> tuple[int, ...]:
    """Where in a `show stat` answer, which has a hundred columns, those are that a server is made of."""
    names = header.removeprefix("# ").split(",")
    return tuple(names.index(name) for name in ("svname", "status", "check_status", "weight", "scur"))


def parse_servers(table: str) -> list[Server]:
    """Servers of a `show stat` answer."""
    header, *rows = [line for line in table.splitlines() if line]
    at = _columns(header)
    servers = []
    for row in rows:
        cells = row.split(",")
        name, status, check, weight, sessions = [cells[column] for column in at]
        up = status.startswith(("UP", "no check", "DRAIN"))
        answers = check.removeprefix("* ") in {"L7OK", "L7RSP"}
        servers.append(Server(name, up, answers, int(weight or 0), int(sessions or 0)))
    return servers


def servers_of(proxy: str) -> list[Server]:
    """The servers of one proxy."""
    return parse_servers(ask(f"show stat {proxy} 4 -1"))


def parse_established(table: str, proxy: str, server: str) -> list[str]:
    """Identifiers of the sessions in a `show sess` answer that are connected to the server.

    Only these may be shut down. HAProxy forgets the client of a session that is shut down while it still connects;
    left alone, such a session goes to another server or ends by itself.
    """
    pattern = rf"^(0x[0-9a-f]+): .* be={re.escape(proxy)} srv={re.escape(server)} .* scb=\[[78],"
    return re.findall(pattern, table, re.MULTILINE)


def end_sessions(proxy: str, server: str) -> int:
    """Shut down the sessions that are connected to the server; returns their number."""
    sessions = parse_established(ask("show sess"), proxy, server)
    for session in sessions:
        ask(f"shutdown session {session}")
    return len(sessions)

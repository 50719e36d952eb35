"""The loop beside a load balancer's HAProxy: it moves the writer's weight and ends stale SQL sessions."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import NamedTuple

from balancer import runtime
from balancer.writer import Member, Reaper, choose_writer, parse_member

LOOK = 0.1
REFRESH = 1.0
STATE_PORT = 4569


class SqlSide(NamedTuple):
    """The SQL proxy of this load balancer; `addresses` is empty where ProxySQL chooses the writer."""

    proxy: str
    addresses: dict[str, str]


class Sentry:
    """Keeps one SQL proxy in order. `look` is called every LOOK seconds."""

    def __init__(self, side: SqlSide) -> None:
        self._side = side
        self._reaper = Reaper()
        self._writer: str | None = None
        self._members: dict[str, Member] = {}
        self._ending: list[str] = []
        self._asked = 0.0
        self._up: set[str] = set()

    def look(self, now: float) -> None:
        """Look once, act on it."""
        servers = runtime.servers_of(self._side.proxy)
        up = {server.name for server in servers if server.up}
        fit = {server.name: server.up for server in servers}
        if self._side.addresses:
            self._choose(up, now)
            for server in servers:
                weight = 1 if server.name == self._writer else 0
                if server.weight != weight:
                    runtime.ask(f"set server {self._side.proxy}/{server.name} weight {weight}")
            fit = {server.name: server.name == self._writer and server.up for server in servers}
        sessions = {server.name: server.sessions for server in servers}
        due = self._reaper.due(fit, sessions, now)
        for name in due:
            if name not in self._ending:
                say(f"ending {sessions[name]} sessions of {name}")
            runtime.ask(f"shutdown sessions server {self._side.proxy}/{name}")
        self._ending = due

    def _choose(self, up: set[str], now: float) -> None:
        if up != self._up or now - self._asked >= REFRESH:
            # a node that does not answer this time, though it is up, keeps its last answer
            answers = [ask_member(name, self._side.addresses[name]) for name in sorted(up)]
            self._members.update({member.name: member for member in answers if member})
            self._asked, self._up = now, up
        usable = [member for name, member in sorted(self._members.items()) if name in up]
        writer = choose_writer(self._writer, usable)
        if writer != self._writer:
            ages = ", ".join(f"{member.name} since view {member.since}" for member in usable)
            say(f"the writer is {writer} (in step: {ages})")
            self._writer = writer


def ask_member(name: str, address: str) -> Member | None:
    """What a node's state port says; None if it says nothing useful."""
    with contextlib.suppress(OSError), socket.create_connection((address, STATE_PORT), timeout=0.15) as connection:
        connection.settimeout(0.15)
        return parse_member(name, connection.recv(512).decode("ascii", "replace"))
    return None


def watch(side: SqlSide) -> None:
    """Look for ever; HAProxy may be away for a moment at start and stop."""
    sentry = Sentry(side)
    while True:
        with contextlib.suppress(OSError, ValueError, KeyError):
            sentry.look(time.monotonic())
        time.sleep(LOOK)


def say(sentence: str) -> None:
    """One line in the container's log."""
    print(f"balancer: {sentence}", flush=True)

"""The loop beside a load balancer's HAProxy: it moves the writer's weight and ends stale SQL sessions."""

from __future__ import annotations

import contextlib
import socket
import sys
import time
from collections.abc import Iterable
from typing import NamedTuple

from balancer import runtime
from balancer.writer import Report, ask_around, choose_shared, choose_writer, parse_report

LOOK, LOOK_IN_DOUBT = 0.2, 0.05
REFRESH, SHARED_REFRESH = 1.0, 0.5
STATE_PORT = 4569
PATIENCE, FAR_PATIENCE = 0.1, 0.5


class SqlSide(NamedTuple):
    """A SQL proxy of this load balancer; `addresses` is empty where ProxySQL chooses the writer, or all nodes write.

    `local` names the nodes of this region in a cluster that spans several; it is empty where the cluster does not.
    """

    proxy: str
    addresses: dict[str, str]
    local: frozenset[str] = frozenset()


class Sentry:
    """Keeps one SQL proxy in order. `look` is called every LOOK seconds, more often while `in_doubt`."""

    def __init__(self, side: SqlSide) -> None:
        self._side = side
        self._writer: str | None = None
        self.in_doubt = False
        self._asked = self._heard = 0.0
        self._up: set[str] = set()

    def look(self, now: float) -> None:
        """Look once, act on it."""
        servers = runtime.servers_of(self._side.proxy)
        fit = {server.name: server.up for server in servers}
        if self._side.addresses:
            self._choose(servers, now)
            for server in servers:
                weight = 1 if server.name == self._writer else 0
                if server.weight != weight:
                    runtime.ask(f"set server {self._side.proxy}/{server.name} weight {weight}")
            # A silent writer that is still the writer keeps its sessions: they may well be alive.
            fit = {server.name: server.name == self._writer for server in servers}
        for server in servers:
            if server.sessions and not fit[server.name]:
                ended = runtime.end_sessions(self._side.proxy, server.name)
                if ended:
                    say(f"ended {ended} sessions of {server.name}")

    def _choose(self, servers: list[runtime.Server], now: float) -> None:
        """Ask the nodes when something changed, while the writer is in doubt, and now and then."""
        up = {server.name for server in servers if server.up}
        if self._writer in up:
            self._heard = now
        self.in_doubt = self._writer is not None and self._writer not in up
        refresh = SHARED_REFRESH if self._side.local else REFRESH
        if up == self._up and not self.in_doubt and now - self._asked < refresh:
            return
        self._asked, self._up = now, up
        by_name = {server.name: server for server in servers}
        reports = ask_around(by_name, self._side.local, lambda name: self._report(by_name[name]))
        if self._side.local:
            chosen = choose_shared(self._writer, reports, self._side.local)
        else:
            ordinal = ordinal_of(self._writer) if self._writer else 0
            chosen = choose_writer(self._writer, reports, ordinal=ordinal, silent_for=now - self._heard)
        if chosen != self._writer:
            known = {name: report for name, report in reports.items() if report}
            ages = ", ".join(f"{name} {report.phase} since view {report.since}" for name, report in known.items())
            say(f"{self._side.proxy}: the writer is {chosen} ({ages})")
            self._writer, self._heard = chosen, now

    def _report(self, server: runtime.Server) -> Report | None:
        """What is known of a node; one that is down is not asked again, HAProxy's checks do that."""
        if server.up:
            near = not self._side.local or server.name in self._side.local
            return ask_node(self._side.addresses[server.name], PATIENCE if near else FAR_PATIENCE)
        return Report.unfit(ordinal_of(server.name)) if server.answers else None


def ordinal_of(name: str) -> int:
    """3 for db3 and sdb3."""
    return int(name.lstrip("sdb"))


def ask_node(address: str, patience: float) -> Report | None:
    """What a node's state port says; None if it says nothing useful."""
    with contextlib.suppress(OSError), socket.create_connection((address, STATE_PORT), timeout=patience) as connection:
        return parse_report(connection.recv(512).decode("ascii", "replace"))
    return None


def say_goodbye(sides: Iterable[SqlSide]) -> None:
    """End the SQL sessions while their clients can still hear it: they came to an address that is about to move."""
    for side in sides:
        runtime.ask(f"disable frontend {side.proxy}")
        for server in runtime.servers_of(side.proxy):
            runtime.end_sessions(side.proxy, server.name)


def watch(side: SqlSide) -> None:
    """Look for ever; HAProxy may be away for a moment at start and stop."""
    sentry = Sentry(side)
    while True:
        with contextlib.suppress(OSError, ValueError, KeyError):
            sentry.look(time.monotonic())
        time.sleep(LOOK_IN_DOUBT if sentry.in_doubt else LOOK)


def say(sentence: str) -> None:
    """One line in the container's log, in one piece: HAProxy writes to the same one."""
    sys.stdout.write(f"balancer: {sentence}\n")
    sys.stdout.flush()

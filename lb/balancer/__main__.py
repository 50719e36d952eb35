"""Entry point of the container: `balance` or `edge`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

from balancer import edge, entrance, sentry, supervisor

T = TypeVar("T")
DATABASES = {"db1": 21, "db2": 22, "db3": 23}


def main() -> int:
    """Run HAProxy with its companions until one of them ends."""
    role, subnet = sys.argv[1], os.environ["SUBNET"]
    supervisor.hold_signals()
    if role == "edge":
        start(edge.watch, f"{subnet}.10")
        return supervisor.run([supervisor.haproxy("edge.cfg")], farewell=lambda: None)
    direct = os.environ.get("DB_PROXY") == "haproxy"
    addresses = {name: f"{subnet}.{suffix}" for name, suffix in DATABASES.items()} if direct else {}
    side = sentry.SqlSide("galera" if direct else "proxysql", addresses)
    start(sentry.watch, side)
    commands = [supervisor.haproxy("region.cfg"), supervisor.keepalived(os.environ)]
    if os.environ.get("ANYCAST"):
        commands.append(supervisor.bird(os.environ))
        start(entrance.watch, entrance.TARGETS)
    return supervisor.run(commands, farewell=lambda: sentry.say_goodbye(side))


def start(companion: Callable[[T], None], about: T) -> None:
    """Run a companion of HAProxy for ever; a container whose companion broke ends."""

    def guard() -> None:
        try:
            companion(about)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=guard, daemon=True).start()


sys.exit(main())

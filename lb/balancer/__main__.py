"""Entry point of the container: `balance` or `edge`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

from balancer import edge, entrance, owner, rejoin, sentry, supervisor

T = TypeVar("T")
DATABASES = {"db1": 21, "db2": 22, "db3": 23}
SHARED_SUFFIXES = (24, 25)
SITES = ("one", "two")


def main() -> int:
    """Run HAProxy with its companions until one of them ends."""
    role, subnet = sys.argv[1], os.environ["SUBNET"]
    supervisor.hold_signals()
    if role == "edge":
        start(edge.watch, f"{subnet}.10")
        return supervisor.run([supervisor.haproxy("edge.cfg")], farewell=lambda: None)
    sides = [regional_side(subnet)]
    if os.environ.get("REGIONS") == "2":
        subnets = os.environ["SUBNETS"].split()
        os.environ.update(SUBNET_ONE=subnets[0], SUBNET_TWO=subnets[1])
        sides.append(shared_side(subnets, os.environ["SITE"]))
    for side in sides:
        start(sentry.watch, side)
    commands = [supervisor.haproxy("region.cfg"), supervisor.keepalived(os.environ)]
    start(rejoin.watch, os.environ)
    start(owner.watch, f"{subnet}.10")
    if os.environ.get("ANYCAST"):
        commands.append(supervisor.bird(os.environ))
        start(entrance.watch, entrance.TARGETS)
    return supervisor.run(commands, farewell=lambda: sentry.say_goodbye(sides))


def regional_side(subnet: str) -> sentry.SqlSide:
    """The region's own database, straight or through ProxySQL; with several writers there is none to choose."""
    direct = os.environ.get("DB_PROXY") == "haproxy"
    chooses = direct and os.environ.get("DB_DESIGN") != "galera-multiwriter"
    addresses = {name: f"{subnet}.{suffix}" for name, suffix in DATABASES.items()} if chooses else {}
    return sentry.SqlSide("galera" if direct else "proxysql", addresses)


def shared_side(subnets: list[str], site: str) -> sentry.SqlSide:
    """The cluster over both regions: sdb1 and sdb2 in the first, sdb3 and sdb4 in the second."""
    places = [
        (where, f"{subnet}.{suffix}")
        for where, subnet in zip(SITES, subnets, strict=True)
        for suffix in SHARED_SUFFIXES
    ]
    local = frozenset(f"sdb{ordinal}" for ordinal, (where, _) in enumerate(places, start=1) if where == site)
    return sentry.SqlSide("shared", {f"sdb{ordinal}": at for ordinal, (_, at) in enumerate(places, start=1)}, local)


def start(companion: Callable[[T], None], about: T) -> None:
    """Run a companion of HAProxy for ever; a container whose companion broke ends."""

    def guard() -> None:
        try:
            companion(about)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=guard, daemon=True).start()


sys.exit(main())

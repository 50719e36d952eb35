"""Entry point of the container: `balance` or `edge`."""

import os
import sys
import threading

from balancer import edge, sentry, supervisor

DATABASES = {"db1": 21, "db2": 22, "db3": 23}


def main() -> int:
    """Run HAProxy with its companions until one of them ends."""
    role, subnet = sys.argv[1], os.environ["SUBNET"]
    supervisor.hold_signals()
    if role == "edge":
        threading.Thread(target=edge.watch, args=(f"{subnet}.10",), daemon=True).start()
        return supervisor.run([supervisor.haproxy("edge.cfg")], farewell=lambda: None)
    direct = os.environ.get("DB_PROXY") == "haproxy"
    addresses = {name: f"{subnet}.{suffix}" for name, suffix in DATABASES.items()} if direct else {}
    side = sentry.SqlSide("galera" if direct else "proxysql", addresses)
    threading.Thread(target=sentry.watch, args=(side,), daemon=True).start()
    commands = [supervisor.haproxy("region.cfg"), supervisor.keepalived(os.environ)]
    return supervisor.run(commands, farewell=lambda: sentry.say_goodbye(side))


sys.exit(main())

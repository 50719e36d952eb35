"""Commands that change nothing: what they answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from storage.cluster_map import ClusterMap
from storage.mon import status
from storage.mon.commands import CommandRefused
from storage.mon.reports import Reports
from storage.names import PgId


def scrub_orders(cluster: ClusterMap, arguments: dict[str, Any]) -> list[tuple[PgId, int]]:
    """Which placement groups are meant by `pg` ("1.1f", or "all"), with their primaries."""
    wanted, known = str(arguments.get("pg", "")), cluster.pgs()
    try:
        pgs = known if wanted == "all" else [PgId.parse(wanted)]
    except ValueError:
        pgs = []
    if wanted != "all" and not (pgs and pgs[0] in known):
        raise CommandRefused(f"there is no placement group {wanted!r}; 'quorate storage pg ls' lists them")
    orders = [(pg, cluster.interval(pg).primary) for pg in pgs]
    return [(pg, primary) for pg, primary in orders if primary is not None]


QUERIES: dict[str, Callable[[ClusterMap, Reports], Any]] = {
    "osd tree": status.osd_tree,
    "pg ls": status.pg_ls,
    "pool ls": status.pool_ls,
    "blocklist ls": lambda cluster, _: cluster.blocklist,
    "map": lambda cluster, _: msgspec.to_builtins(cluster),
}

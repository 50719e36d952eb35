"""What people and clients ask of the monitors that changes the map. Pure: a draft and arguments in, a result out.

Raises CommandRefused with a sentence that says what to do. Every command may be repeated.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, cast, get_args

from msgspec.structs import replace

from storage.cluster_map import FailureDomain, Pool
from storage.mon.decisions import Draft, Patience

NAME_RULE = re.compile(r"[A-Za-z0-9_.-]{1,100}")
MOST_PGS = 1024


class CommandRefused(Exception):
    """The request makes no sense as the cluster is."""


def _number(arguments: dict[str, Any], key: str, low: float, high: float) -> float:
    value = arguments.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise CommandRefused(f"{key} must be a number from {low:g} to {high:g}")
    return value


def whole(arguments: dict[str, Any], key: str, low: int, high: int) -> int:
    """A whole number of the arguments."""
    value = _number(arguments, key, low, high)
    if value != int(value):
        raise CommandRefused(f"{key} must be a whole number")
    return int(value)


def _osd(draft: Draft, arguments: dict[str, Any]) -> int:
    number = whole(arguments, "osd", 0, 1 << 31)
    if number not in draft.osds:
        raise CommandRefused(f"there is no osd.{number}; 'quorate storage osd tree' lists them")
    return number


def _pool(draft: Draft, arguments: dict[str, Any]) -> int:
    number = draft.cluster.pool_named(str(arguments.get("pool")))
    if number is None:
        raise CommandRefused(f"there is no pool {arguments.get('pool')!r}; 'quorate storage pool ls' lists them")
    return number


def pool_create(draft: Draft, arguments: dict[str, Any]) -> Any:
    """pool, size, min_size, pg_num, failure_domain; the same again is no error."""
    name = str(arguments.get("pool", ""))
    if not NAME_RULE.fullmatch(name):
        raise CommandRefused("a pool's name has 1 to 100 letters, digits, dots, hyphens and underscores")
    size = whole({"size": 3, **arguments}, "size", 1, 10)
    min_size = whole({"min_size": size // 2 + 1, **arguments}, "min_size", 1, size)
    pg_num = whole({"pg_num": 32, **arguments}, "pg_num", 1, MOST_PGS)
    domain = arguments.get("failure_domain", "host")
    if domain not in get_args(FailureDomain):
        raise CommandRefused(f"failure_domain is one of {', '.join(get_args(FailureDomain))}")
    wanted = Pool(
        name=name, size=size, min_size=min_size, pg_num=pg_num, failure_domain=cast("FailureDomain", domain),
        created=draft.epoch,
    )  # fmt: skip
    number = draft.cluster.pool_named(name)
    if number is not None:
        if replace(wanted, created=0) != replace(draft.cluster.pools[number], created=0):
            raise CommandRefused(f"the pool {name!r} is there already, with other settings")
        return number
    number = max(draft.cluster.pools, default=0) + 1
    number = max(number, draft.cluster.next_pool)
    pools = {**draft.cluster.pools, number: wanted}
    draft.set(f"pool {name!r} created", pools=pools, next_pool=number + 1)
    return number


def pool_delete(draft: Draft, arguments: dict[str, Any]) -> Any:
    """pool, and the same name again as `confirm`."""
    number = _pool(draft, arguments)
    if arguments.get("confirm") != arguments["pool"]:
        raise CommandRefused("this destroys all data of the pool: give its name a second time (--confirm)")
    left = {key: pool for key, pool in draft.cluster.pools.items() if key != number}
    draft.set(f"pool {arguments['pool']!r} deleted", pools=left)
    return None


def pool_set(draft: Draft, arguments: dict[str, Any]) -> Any:
    """pool; size and min_size, or one of them."""
    number = _pool(draft, arguments)
    pool = draft.cluster.pools[number]
    size = whole({"size": pool.size, **arguments}, "size", 1, 10)
    min_size = whole({"min_size": min(pool.min_size, size), **arguments}, "min_size", 1, size)
    if (size, min_size) != (pool.size, pool.min_size):
        pools = {**draft.cluster.pools, number: replace(pool, size=size, min_size=min_size)}
        draft.set(f"pool {pool.name!r}: size {size}, min_size {min_size}", pools=pools)
    return None


def osd_out(draft: Draft, arguments: dict[str, Any]) -> Any:
    """osd: its data goes elsewhere."""
    number = _osd(draft, arguments)
    if draft.osds[number].placed:
        draft.set_osd(number, f"osd.{number} out, as somebody wants", placed=False, auto_out=False)
    return None


def osd_in(draft: Draft, arguments: dict[str, Any]) -> Any:
    """osd: data is placed on it (again)."""
    number = _osd(draft, arguments)
    if not draft.osds[number].placed:
        draft.set_osd(number, f"osd.{number} in, as somebody wants", placed=True, auto_out=False)
    return None


def osd_down(draft: Draft, arguments: dict[str, Any]) -> Any:
    """osd: taken for dead; one that lives boots again."""
    number = _osd(draft, arguments)
    if draft.osds[number].up:
        reason = f"osd.{number} down, as somebody wants"
        draft.set_osd(number, reason, up=False, down_at=draft.epoch, since=draft.wall)
    return None


def osd_reweight(draft: Draft, arguments: dict[str, Any]) -> Any:
    """osd, weight: its share of the data, relative to the others."""
    number, weight = _osd(draft, arguments), _number(arguments, "weight", 0, 1000)
    if draft.osds[number].weight != weight:
        draft.set_osd(number, f"osd.{number} weighs {weight:g}", weight=float(weight))
    return None


def osd_purge(draft: Draft, arguments: dict[str, Any]) -> Any:
    """osd: forget it; what only it had is given up."""
    number = _osd(draft, arguments)
    if draft.osds[number].up:
        raise CommandRefused(f"osd.{number} is up: stop it first")
    del draft.osds[number]
    draft.reasons.append(f"osd.{number} purged, as somebody wants")
    return None


def blocklist_add(draft: Draft, arguments: dict[str, Any]) -> Any:
    """client: it may never write again."""
    client = str(arguments.get("client", ""))
    if not client.startswith("client."):
        raise CommandRefused("name a client: 'client.' and its id, as 'quorate rbd lock ls' shows it")
    if client not in draft.cluster.blocklist:
        until = draft.wall + Patience().blocklist
        draft.set(f"{client} is fenced", blocklist={**draft.cluster.blocklist, client: until})
    return None


def blocklist_rm(draft: Draft, arguments: dict[str, Any]) -> Any:
    """client: not fenced any more."""
    client = str(arguments.get("client", ""))
    if client in draft.cluster.blocklist:
        left = {key: until for key, until in draft.cluster.blocklist.items() if key != client}
        draft.set(f"{client} is not fenced any more", blocklist=left)
    return None


CHANGES: dict[str, Callable[[Draft, dict[str, Any]], Any]] = {
    "pool create": pool_create,
    "pool delete": pool_delete,
    "pool set": pool_set,
    "osd out": osd_out,
    "osd in": osd_in,
    "osd down": osd_down,
    "osd reweight": osd_reweight,
    "osd purge": osd_purge,
    "blocklist add": blocklist_add,
    "blocklist rm": blocklist_rm,
}

"""Asks the block store's monitors how it does, through the store's public client: each monitor by itself."""

import asyncio
from collections.abc import Mapping
from typing import Any

from lab.facts import Store, StoreOsd
from storage.client.cluster import Cluster, CommandRefused
from storage.errors import StorageError
from storage.mon.status import FULL

SECONDS = 1.5
#: Changes nothing, but is answered only by a monitor whose maps can change.
HARMLESS_CHANGE = ("blocklist rm", {"client": ""})


def look(monitors: Mapping[str, str]) -> Store | None:
    """The store as the monitors (name to `address:port`) tell it; None where none answers."""
    return asyncio.run(_look(monitors)) if monitors else None


async def _look(monitors: Mapping[str, str]) -> Store | None:
    asked = await asyncio.gather(*(_ask(address) for address in monitors.values()))
    return read_store(dict(zip(monitors, asked, strict=True)))


async def _ask(address: str) -> dict[str, Any] | None:
    """One monitor's answers; None where it is silent."""
    cluster = Cluster([address], deadline=SECONDS)
    try:
        await cluster.start()
    except StorageError:
        return None
    try:
        tree = await cluster.command("osd tree")
        status = await cluster.command("status")
        return {"tree": tree, "status": status, "decides": await _decides(cluster)}
    except StorageError:
        return None
    finally:
        await cluster.stop()


async def _decides(cluster: Cluster) -> bool:
    try:
        await cluster.command(*HARMLESS_CHANGE)
    except CommandRefused:
        return True
    except StorageError:
        return False
    return True


def read_store(asked: Mapping[str, Mapping[str, Any] | None]) -> Store | None:
    """What the monitors said, the view of the one that knows most; pure."""
    answers = {name: answer for name, answer in asked.items() if answer is not None}
    if not answers:
        return None
    best = max(answers.values(), key=lambda answer: (answer["status"]["epoch"], -_unknown(answer)))
    osds = {row["host"]: StoreOsd(row["up"], row["in"], row["primary"], is_full(row)) for row in best["tree"]}
    return Store(
        answering=frozenset(answers),
        deciding=frozenset(name for name, answer in answers.items() if answer["decides"]),
        osds=osds,
        groups=dict(best["status"]["pgs"]),
    )


def is_full(row: Mapping[str, Any]) -> bool:
    """Whether an OSD has no more room; pure."""
    used, total = row.get("used_bytes", 0), row.get("total_bytes", 0)
    return bool(used > FULL * total > 0)


def _unknown(answer: Mapping[str, Any]) -> int:
    groups: Mapping[str, int] = answer["status"]["pgs"]
    return groups.get("unknown", 0)

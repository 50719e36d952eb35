"""Commands: what a monitor answers to people and clients. What they mean is in `commands` and `queries`."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import TYPE_CHECKING, Any

from storage.cluster_map import ClusterMap, decode_map
from storage.connection import Connection
from storage.messages import Command, CommandReply, ScrubOrder
from storage.mon.commands import CHANGES, CommandRefused, whole
from storage.mon.decisions import Draft
from storage.mon.map_store import MapStoreUnavailable
from storage.mon.queries import QUERIES, scrub_orders
from storage.mon.status import status

if TYPE_CHECKING:
    from storage.mon.monitor import Monitor

log = logging.getLogger(__name__)
#: So long a fence waits until all OSDs know of it, seconds.
FENCE = 10.0
#: So many maps are told of at a time.
MOST_MAPS = 500


class NotYet(Exception):
    """A command is done, but not yet known to all who must know."""


class Answering:
    """What one monitor answers."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

    async def command(self, connection: Connection, message: Command) -> None:
        """Answer one command."""
        try:
            arguments = json.loads(message.arguments)
            result = await self._answer(message.name, arguments if isinstance(arguments, dict) else {})
            reply = CommandReply(message.number, "", json.dumps(result).encode())
        except (CommandRefused, json.JSONDecodeError) as refused:
            reply = CommandReply(message.number, str(refused))
        except NotYet as waiting:
            reply = CommandReply(message.number, str(waiting), retry=True)
        except MapStoreUnavailable:
            sentence = "the monitors have no majority: the map can't change now (reading and writing data goes on)"
            reply = CommandReply(message.number, sentence, retry=True)
        except Exception as error:
            log.exception("mon.%s: %s failed", self._monitor.name, message.name)
            reply = CommandReply(message.number, f"mon.{self._monitor.name} could not do it: {error}")
        connection.send(reply)

    async def _answer(self, name: str, arguments: dict[str, Any]) -> Any:
        if name == "status":
            return status(
                self._monitor.map,
                self._monitor.reports,
                self._monitor.colleagues.reachable() or {self._monitor.address: True},
            )
        if name in QUERIES:
            return QUERIES[name](self._monitor.map, self._monitor.reports)
        if name == "map history":
            return await self._history(arguments)
        if name in ("pg scrub", "pg deep-scrub"):
            return self._order_scrub(arguments, deep=name == "pg deep-scrub")
        change = CHANGES.get(name)
        if change is None:
            raise CommandRefused(f"the monitors know no command {name!r}")
        result: Any = None

        def decision() -> ClusterMap | None:
            nonlocal result
            draft = Draft(self._monitor.map, self._monitor.wall())
            result = change(draft, arguments)
            return draft.finish()

        await self._monitor.refresh()
        await self._monitor.change(decision)
        if name == "blocklist add":
            await self._everybody_knows(self._monitor.map.epoch)
        return result

    async def _history(self, arguments: dict[str, Any]) -> list[dict[str, Any]]:
        """The newest maps, `count` of them: when they were made, and why."""
        last = self._monitor.map.epoch
        first = max(self._monitor.map.floor, last + 1 - whole(arguments, "count", 1, MOST_MAPS))
        maps = [decode_map(data) for data in await self._monitor.maps_between(first, last)]
        return [{"epoch": one.epoch, "modified": one.modified, "reason": one.reason} for one in maps]

    async def _everybody_knows(self, epoch: int) -> None:
        """Until each OSD that is up has said that it knows a map: an OSD that does not is marked down by others."""
        until = time.monotonic() + FENCE
        while ignorant := [
            number for number, osd in self._monitor.map.osds.items() if osd.up and self._told(number) < epoch
        ]:
            if time.monotonic() > until:
                names = ", ".join(f"osd.{number}" for number in ignorant)
                raise NotYet(f"{names} did not yet confirm map {epoch}: until then the client may write")
            await asyncio.sleep(0.02)

    def _told(self, number: int) -> int:
        """The epoch that an OSD said it knows."""
        _, beacon = self._monitor.reports.beacons.get(number, (0.0, None))
        return beacon.epoch if beacon is not None else 0

    def _order_scrub(self, arguments: dict[str, Any], *, deep: bool) -> list[str]:
        orders = scrub_orders(self._monitor.map, arguments)
        by_osd = {number: connection for connection, number in self._monitor.osds.items()}
        for pg, primary in orders:
            if primary in by_osd:
                by_osd[primary].send(ScrubOrder(pg, deep))
        return [str(pg) for pg, _ in orders]

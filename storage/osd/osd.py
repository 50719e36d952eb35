"""One OSD: its placement groups, the maps it knows, the heartbeats with others. No sockets, no clock: `Surroundings`.

Leases. A primary's pings ask its replicas to join no later interval for `lease` seconds; the pongs tell it until when
that holds (counted from when it sent the ping, so it ends here before it ends there). It reads alone only within it.
Whoever becomes primary next asks a member of this interval at least, learns of the promise, and waits for its end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import msgspec

from storage.cluster_map import ClusterMap
from storage.errors import ClusterFull
from storage.messages import (
    Beacon,
    Boot,
    ClientOp,
    ClientReply,
    Failure,
    GetMaps,
    Message,
    NotificationAck,
    Ping,
    Pong,
    ScrubOrder,
    UpThru,
)
from storage.names import PgId
from storage.osd.intervals import began, interval_of
from storage.osd.object_store import ObjectStore, Usage
from storage.osd.pg_states import PgState
from storage.osd.placement_group import PlacementGroup
from storage.osd.report import report
from storage.osd.serving import Request
from storage.osd.surroundings import Buffer, OsdSettings, Session, Surroundings
from storage.osd.transaction import RemovePg, Transaction

#: Above this share of the disk, clients' writes are refused (Ceph's full ratio).
FULL_RATIO = 0.95
#: Messages kept for a map that is still to come.
LONGEST_QUEUE = 10000
TICK = 0.05  # seconds, while something is to be tried again
EARLY = 0.005  # seconds: a clock may wake a sleeper that much before its time


class Osd:
    """All that one storage daemon decides. `boot` is what it tells the monitors of itself."""

    def __init__(self, boot: Boot, store: ObjectStore, surroundings: Surroundings, settings: OsdSettings) -> None:
        self.number, self.incarnation = boot.osd, boot.incarnation
        self.boot, self.store, self.world, self.settings = boot, store, surroundings, settings
        self.started_at = surroundings.now()
        self.map = ClusterMap(fsid="")
        self.maps: dict[int, ClusterMap] = {}
        self.groups: dict[PgId, PlacementGroup] = {}
        self.recovering = 0
        self.usage = Usage(0, 0)
        self._newer_maps: dict[int, ClusterMap] = {}
        self._removing: list[PgId] = []
        self._early: deque[tuple[int, Any]] = deque()
        self._leases: dict[tuple[int, PgId, int], float] = {}
        self._heard: dict[int, float] = {}
        self._starts: dict[int, str] = {}
        self._reported: dict[int, tuple[float, str]] = {}
        self._asked_up_thru = (0, 0.0)
        self._last_tick = self._last_ping = self._last_beacon = self._last_boot = self.started_at
        self._oldest_needed = self._load()

    # -- maps ------------------------------------------------------------------------------------------------

    def _load(self) -> int:
        """The groups that are stored here; returns the oldest epoch that matters to them (0: none does)."""
        for pg in self.store.pgs():
            self.groups[pg] = PlacementGroup(self, pg, 0, is_stored=True)
        return min((group.history_started for group in self.groups.values()), default=0)

    @property
    def epoch(self) -> int:
        """The epoch of the newest map known here; 0 before the first."""
        return self.map.epoch

    @property
    def is_up(self) -> bool:
        """Whether the map knows of this start of this OSD."""
        me = self.map.osds.get(self.number)
        return me is not None and me.up and me.incarnation == self.incarnation

    def send(self, osd: int, message: Message, data: Sequence[Buffer] = ()) -> None:
        """To another OSD."""
        self.world.send(osd, message, data)

    def now(self) -> float:
        """See Surroundings."""
        return self.world.now()

    def wall(self) -> float:
        """See Surroundings."""
        return self.world.wall()

    def say(self, sentence: str) -> None:
        """See Surroundings."""
        self.world.say(sentence)

    def distrust(self) -> None:
        """The disk has lost changes that were acknowledged: any other copy knows better than those here."""
        for group in self.groups.values():
            group.distrust()

    def monitor_reached(self) -> None:
        """A connection to a monitor is there."""
        if self.is_up:
            self._send_beacon()
        else:
            self._ask_to_boot()

    def wanted_maps(self) -> GetMaps:
        """What to ask of a monitor that has just been reached."""
        return GetMaps(self.epoch + 1 if self.epoch else max(1, self._oldest_needed), 1 << 60)

    def receive_maps(self, maps: Sequence[ClusterMap]) -> None:
        """Take maps in the order of their epochs; ask for those in between where some are missing."""
        for cluster in maps:
            if cluster.epoch > self.epoch:
                self._newer_maps[cluster.epoch] = cluster
        if not self._newer_maps:
            return
        if not self.epoch:
            newest = self._newer_maps[max(self._newer_maps)]
            first = max(newest.floor, self._oldest_needed, 1)
        else:
            first = max(self.epoch + 1, max(self._newer_maps.values(), key=lambda one: one.epoch).floor)
        if first not in self._newer_maps:
            self.world.tell_monitors(GetMaps(first, max(self._newer_maps)))
            return
        while first in self._newer_maps:
            self._take(self._newer_maps.pop(first))
            first += 1
        self._settle()

    def _take(self, cluster: ClusterMap) -> None:
        is_first = cluster.epoch - 1 not in self.maps  # none is known before it, or those in between are forgotten
        self.map = self.maps[cluster.epoch] = cluster
        for pg in cluster.pgs():
            if pg not in self.groups and self.number in cluster.interval(pg).acting:
                self._group(pg)
        for pg, group in list(self.groups.items()):
            interval = interval_of(cluster, pg)
            if interval is None:
                if not is_first or group.history_started < cluster.epoch:
                    group.new_interval(group.interval, self.epoch)
                    self.remove(pg)  # its pool was deleted
            elif is_first or interval != group.interval or not group.since:
                group.new_interval(interval, began(self.maps, pg, cluster.epoch))
        for epoch in [epoch for epoch in self.maps if epoch < cluster.floor]:
            del self.maps[epoch]

    def _group(self, pg: PgId) -> PlacementGroup:
        group = self.groups.get(pg)
        if group is None:
            is_stored = pg not in self._removing
            group = self.groups[pg] = PlacementGroup(self, pg, self.map.pools[pg.pool].created, is_stored=is_stored)
        return group

    def remove(self, pg: PgId) -> None:
        """A copy is needed no more. Until the disk has forgotten it, a new one of that group must not look there."""
        self.groups.pop(pg, None)
        self._removing.append(pg)
        self.store.submit(Transaction([RemovePg(pg)]), lambda: self._removing.remove(pg))

    def _settle(self) -> None:
        """All known maps are taken: act upon the newest."""
        now = self.now()
        for number, osd in self.map.osds.items():
            if osd.up and number != self.number:
                if self._starts.get(number) != osd.incarnation:  # another start: what was said of the last one is over
                    self._starts[number] = osd.incarnation
                    self._heard[number] = now
                    self._reported.pop(number, None)
                self._heard.setdefault(number, now)
            else:
                self._heard.pop(number, None)
                self._reported.pop(number, None)
        if self.is_up:
            for group in self.groups.values():
                if group.state is PgState.RESET:
                    group.start()
                elif group.is_primary and not group.is_active:
                    group.peering.advance()
        else:
            self._ask_to_boot()
        self._send_beacon()
        early, self._early = self._early, deque()
        for kind, arguments in early:
            if kind:
                self.receive(*arguments)
            else:
                self.client(*arguments)

    def _ask_to_boot(self) -> None:
        if self.epoch:
            self._last_boot = self.now()
            self.world.tell_monitors(msgspec.structs.replace(self.boot, epoch=self.epoch))

    def send_up_thru(self, message: UpThru) -> None:
        """Once for all groups of an epoch, and again after a second."""
        now = self.now()
        if self._asked_up_thru[0] != message.epoch or now - self._asked_up_thru[1] > 1.0:
            self._asked_up_thru = (message.epoch, now)
            self.world.tell_monitors(message)

    # -- messages --------------------------------------------------------------------------------------------

    def receive(self, sender: int, message: Any, data: memoryview) -> None:
        """A message from another OSD."""
        now = self.now()
        if sender in self._heard:
            self._heard[sender] = now
        if message.__class__ is Ping:
            self._pong(message)
            return
        if message.__class__ is Pong:
            self._renew(sender, message)
            return
        epoch = getattr(message, "epoch", 0)
        if epoch > self.epoch:
            self._wait_for_map(1, (sender, message, data))
            return
        if not self.is_up:
            return
        group = self.groups.get(message.pg)
        if group is None:
            if message.pg.pool not in self.map.pools:
                return
            group = self._group(message.pg)
            interval = self.map.interval(message.pg)
            group.new_interval(interval, began(self.maps, message.pg, self.epoch))
            group.start()
        group.receive(sender, message, data)

    def client(self, session: Session, message: Any, data: memoryview) -> None:
        """A message from a client."""
        if message.__class__ is not ClientOp:
            group = self.groups.get(message.pg)
            if message.__class__ is NotificationAck and group is not None:
                group.watches.acknowledged(session, message)
            return
        if message.epoch > self.epoch:
            self._wait_for_map(0, (session, message, data))
            return
        request = Request(session, message, data)
        group = self.groups.get(message.pg)
        if group is not None and group.is_primary and message.epoch >= group.since and self.is_up:
            group.serving.handle(request)
        else:
            session.send(ClientReply(message.number, "again", self.epoch))

    def _wait_for_map(self, kind: int, arguments: Any) -> None:
        if len(self._early) < LONGEST_QUEUE:
            self._early.append((kind, arguments))
        self.world.tell_monitors(GetMaps(self.epoch + 1 if self.epoch else 1, 1 << 60))

    def refuse_when_full(self, op: ClientOp) -> None:
        """Raises ClusterFull for what takes space on a disk that is nearly full."""
        if op.kind not in ("remove", "trim_snap", "zero") and self.usage.used > self.usage.total * FULL_RATIO:
            raise ClusterFull(f"osd.{self.number} is full: remove something, or add an OSD")

    def peer_reset(self, osd: int) -> None:
        """A connection to another OSD is there anew: what was on the old one may be lost."""
        for group in self.groups.values():
            if group.unanswered:
                group.ask_again(osd)

    def peer_unreachable(self, osd: int, reason: str) -> None:
        """Its process or its machine is gone, as far as can be seen from here."""
        if osd in self._heard:
            self._report(osd, reason)

    def session_closed(self, session: Session) -> None:
        """A client's connection is gone."""
        for group in self.groups.values():
            group.watches.closed(session)

    # -- heartbeats and leases -------------------------------------------------------------------------------

    def lease_until(self, group: PlacementGroup) -> float:
        """Until when this primary may read alone."""
        until = float("inf")
        for number in group.replicas:
            until = min(until, self._leases.get((number, group.pg, group.since), 0.0))
        return until

    def _ping(self, now: float) -> None:
        self._last_ping = now
        wanted: dict[int, list[tuple[PgId, int]]] = {number: [] for number in self._heard}
        for pg, group in self.groups.items():
            if group.is_active and group.is_primary:
                for number in group.replicas:
                    if number in wanted:
                        wanted[number].append((pg, group.since))
        for number, leases in wanted.items():
            self.send(number, Ping(self.number, self.epoch, now, tuple(leases)))

    def _pong(self, message: Ping) -> None:
        granted: list[tuple[PgId, int]] = []
        if self.is_up:
            for pg, since in message.leases:
                group = self.groups.get(pg)
                if group is not None and group.grant(since, message.osd):
                    granted.append((pg, since))
        self.send(message.osd, Pong(self.number, self.epoch, message.sent, tuple(granted)))

    def _renew(self, sender: int, message: Pong) -> None:
        until = message.sent + self.settings.lease
        reported = self._reported.pop(sender, None)
        if reported is not None:
            self._say_failure(sender, "it answers again", failed=False)
        for pg, since in message.granted:
            self._leases[sender, pg, since] = until
            group = self.groups.get(pg)
            if group is not None and group.serving.for_lease:
                group.serving.renewed()

    def _watch(self, now: float) -> None:
        for number, heard in self._heard.items():
            silent = now - heard
            reported = self._reported.get(number)
            if reported is not None and now - reported[0] > 0.5:
                self._report(number, reported[1])
            elif reported is None and silent > self.settings.grace:
                self._report(number, f"silent for {silent:.1f} s")

    def _report(self, osd: int, reason: str) -> None:
        self._reported[osd] = (self.now(), reason)
        self._say_failure(osd, reason, failed=True)

    def _say_failure(self, osd: int, reason: str, *, failed: bool) -> None:
        incarnation = self.map.osds[osd].incarnation
        self.world.tell_monitors(Failure(self.number, osd, incarnation, failed, reason, self.epoch))

    # -- time ------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """To be called again after `next_tick` seconds."""
        now = self.now()
        stalled = now - self._last_tick
        self._last_tick = now
        if stalled > 0.5:  # this process stood still: nobody else is to blame for the silence
            for number in self._heard:
                self._heard[number] += stalled
        if not self.is_up:
            if now - self._last_boot > 0.5:
                self._ask_to_boot()
            return
        if now - self._last_ping >= self.settings.ping_every - EARLY:
            self._ping(now)
        self._watch(now)
        for group in list(self.groups.values()):
            group.tick(now)
        if now - self._last_beacon >= 1.0:
            self._send_beacon()

    @property
    def next_tick(self) -> float:
        """Seconds to the next tick: soon while something may have to be tried again, else when others are pinged."""
        settled = self.is_up and all(group.is_settled for group in self.groups.values())
        return self.settings.ping_every if settled else TICK

    def _send_beacon(self) -> None:
        """A sign of life; now and then also what is missing is looked for again."""
        self._last_beacon = now = self.now()
        self.usage = self.store.usage()
        self._leases = {key: until for key, until in self._leases.items() if until > now}
        for group in self.groups.values():
            if group.is_primary:
                group.recovery.look_again()
            else:
                group.notify_primary()
        reports = tuple(report(group) for group in self.groups.values() if group.is_primary)
        used, total = self.usage.used, self.usage.total
        self.world.tell_monitors(Beacon(self.number, self.incarnation, self.epoch, total, used, reports))

    def order_scrub(self, message: ScrubOrder) -> None:
        """A person wants a group scrubbed."""
        group = self.groups.get(message.pg)
        if group is not None and group.is_primary:
            group.scrub.ordered = message.deep

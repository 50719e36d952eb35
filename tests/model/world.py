"""The model's world: one queue of events in virtual time, a network that loses and reorders, OSDs that come and go.

The code under test is the OSD's own. The monitors are reduced to what safety must not depend on: they mark OSDs down on
reports or on a test's whim, and give every request for a new epoch its turn.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from storage.cluster_map import ClusterMap, Pool
from storage.cluster_map import Osd as OsdEntry
from storage.frames import FrameReader, encode
from storage.messages import Beacon, Boot, Failure, GetMaps, Message, UpThru
from storage.osd.memory_store import MemoryStore
from storage.osd.osd import Osd
from storage.osd.surroundings import OsdSettings

POOL = 1


class Host:
    """An OSD's machine: its disk survives crashes, its process does not."""

    def __init__(self, world: World, number: int) -> None:
        self.world, self.number = world, number
        self.store = MemoryStore()
        self.osd: Osd | None = None
        self.starts = 0
        self.paused: list[Callable[[], None]] | None = None

    # what the OSD sees of the world

    def now(self) -> float:
        return self.world.time + self.number * 1000.0  # clocks agree on nothing but their pace

    def wall(self) -> float:
        return self.world.time

    def send(self, osd: int, message: Message, data: Sequence[Any] = ()) -> None:
        self.world.transmit(self.number, osd, message, data)

    def tell_monitors(self, message: Message) -> None:
        self.world.ask_monitor(self, message)

    def say(self, sentence: str) -> None:
        self.world.story.append((self.world.time, f"osd.{self.number}: {sentence}"))

    # what happens to it

    def start(self) -> None:
        self.starts += 1
        incarnation = f"{self.number}.{self.starts}"
        boot = Boot(self.number, f"disk-{self.number}", incarnation, "", f"host{self.number}", "zone1", 1.0, 0)
        self.osd = Osd(boot, self.store, self, self.world.settings)
        self.ask_for_maps()
        self.world.later(self.osd.next_tick, self.alive(self.tick))

    def ask_for_maps(self) -> None:
        if self.osd is not None:
            self.tell_monitors(self.osd.wanted_maps())

    def crash(self) -> None:
        self.osd, self.paused = None, None
        self.store.crash()

    def alive(self, act: Callable[[], None]) -> Callable[[], None]:
        """An event that happens only to this start of the process, and later if it is paused."""
        start = self.starts

        def happen() -> None:
            if self.osd is None or self.starts != start:
                return
            if self.paused is not None:
                self.paused.append(happen)
            else:
                act()
                self.commit_soon()

        return happen

    def commit_soon(self) -> None:
        while self.committing < self.store.pending:
            self.committing += 1
            self.world.later(self.world.random.uniform(0.0002, 0.004), self.alive(self.commit))

    committing = 0

    def commit(self) -> None:
        self.committing -= 1
        self.store.commit(1)

    def tick(self) -> None:
        assert self.osd is not None
        self.osd.tick()
        self.world.later(self.osd.next_tick, self.alive(self.tick))


class World:
    """Everything, and its time in seconds."""

    def __init__(self, seed: int, osds: int = 3, *, loss: float = 0.0, reorder: bool = False, pg_num: int = 4) -> None:
        self.random = random.Random(seed)
        self.loss, self.reorder = loss, reorder
        self.settings = OsdSettings(scrub_every=1e9, deep_scrub_every=1e9)
        self.time = 0.0
        self.steps = 0
        self.story: list[tuple[float, str]] = []
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._arrivals: dict[tuple[object, object], float] = {}
        self.apart: set[frozenset[int]] = set()
        self.cut_from_monitors: set[int] = set()
        self._reports: dict[int, set[int]] = {}
        pool = Pool(name="p", size=min(3, osds), min_size=min(2, osds), pg_num=pg_num, created=1)
        self.maps = [ClusterMap(fsid="f", epoch=1, pools={POOL: pool})]
        self.hosts = [Host(self, number) for number in range(osds)]
        self.subscribers: list[Callable[[ClusterMap], None]] = []
        for host in self.hosts:
            host.start()

    # time

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        self.steps += 1
        heapq.heappush(self._events, (self.time + seconds, self.steps, act))

    def run(self, seconds: float) -> None:
        until = self.time + seconds
        while self._events and self._events[0][0] <= until:
            self.time, _, act = heapq.heappop(self._events)
            act()
        self.time = until

    def run_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        until = self.time + seconds
        while not condition() and self.time < until:
            self.run(0.05)
        return condition()

    # the network

    def transmit(self, source: int, target: int, message: Message, data: Sequence[Any] = ()) -> None:
        if self.lost() or frozenset((source, target)) in self.apart:
            return
        host = self.hosts[target]
        frame = b"".join(encode(message, data))

        def arrive() -> None:
            if host.osd is not None and frozenset((source, target)) not in self.apart:
                for received, payload in FrameReader().feed(frame):
                    host.osd.receive(source, received, payload)

        self.later(self.delay((source, target)), host.alive(arrive))

    def lost(self) -> bool:
        return self.loss > 0 and self.random.random() < self.loss

    def delay(self, link: tuple[object, object]) -> float:
        delay = self.random.uniform(0.0002, 0.004)
        if self.reorder:
            return delay
        arrival = max(self.time + delay, self._arrivals.get(link, 0.0))
        self._arrivals[link] = arrival
        return arrival - self.time

    # the monitors

    @property
    def map(self) -> ClusterMap:
        return self.maps[-1]

    def propose(self, reason: str, **changes: Any) -> None:
        """The next epoch."""
        new = msgspec.structs.replace(self.map, epoch=self.map.epoch + 1, reason=reason, **changes)
        self.maps.append(new)
        self.story.append((self.time, f"map {new.epoch}: {reason}"))
        for host in self.hosts:
            self.push_maps(host, (new,))
        for subscriber in self.subscribers:
            self.later(self.random.uniform(0.001, 0.01), lambda act=subscriber: act(new))  # type: ignore[misc]

    def push_maps(self, host: Host, maps: tuple[ClusterMap, ...]) -> None:
        def arrive() -> None:
            if host.osd is not None and host.number not in self.cut_from_monitors:
                host.osd.receive_maps(maps)

        self.later(self.random.uniform(0.001, 0.01), host.alive(arrive))

    def change_osd(self, number: int, reason: str, **changes: Any) -> None:
        entry = msgspec.structs.replace(self.map.osds[number], **changes)
        self.propose(reason, osds={**self.map.osds, number: entry})

    def mark_down(self, number: int, reason: str = "a whim") -> None:
        if number in self.map.osds and self.map.osds[number].up:
            self._reports.pop(number, None)
            self.change_osd(number, f"osd.{number} down: {reason}", up=False, down_at=self.map.epoch + 1)

    def ask_monitor(self, host: Host, message: Message) -> None:
        if self.lost():
            return

        def arrive() -> None:
            if host.number not in self.cut_from_monitors:
                self.answer(host, message)

        self.later(self.random.uniform(0.001, 0.01), arrive)

    def answer(self, host: Host, message: Message) -> None:
        number = host.number
        entry = self.map.osds.get(number)
        if isinstance(message, GetMaps):
            maps = tuple(cluster for cluster in self.maps if message.first <= cluster.epoch <= message.last)
            self.push_maps(host, maps)
        elif isinstance(message, Boot):
            if host.osd is None or message.incarnation != host.osd.incarnation:
                return
            if entry is None or not entry.up or entry.incarnation != message.incarnation:
                self.boot(message)
        elif isinstance(message, UpThru):
            if entry and entry.up and entry.incarnation == message.incarnation and entry.up_thru < message.epoch:
                self.change_osd(number, f"osd.{number} lives in {message.epoch}", up_thru=message.epoch)
        elif isinstance(message, Failure):
            self.failure(message)
        elif isinstance(message, Beacon) and message.epoch < self.map.epoch:
            self.push_maps(host, tuple(self.maps[message.epoch :]))

    def boot(self, message: Boot) -> None:
        epoch = self.map.epoch + 1
        entry = self.map.osds.get(message.osd)
        base = entry or OsdEntry(
            uuid=message.uuid, host=message.host, zone="zone1", address="", created=epoch, weight=1.0
        )  # fmt: skip
        new = msgspec.structs.replace(base, up=True, up_from=epoch, up_thru=0, incarnation=message.incarnation)
        self.propose(f"osd.{message.osd} boots", osds={**self.map.osds, message.osd: new})

    def failure(self, message: Failure) -> None:
        target = self.map.osds.get(message.target)
        reporters = self._reports.setdefault(message.target, set())
        if not message.failed:
            reporters.discard(message.reporter)
        elif target and target.up and target.incarnation == message.incarnation and self.map.osds[message.reporter].up:
            reporters.add(message.reporter)
            others = [number for number, osd in self.map.osds.items() if osd.up and number != message.target]
            if len(reporters & set(others)) >= min(2, len(others)):
                self.mark_down(message.target, message.reason)

    # what a test does to it

    def crash(self, number: int) -> None:
        """Power loss: what was not durable is gone. The others see the connection close."""
        host = self.hosts[number]
        if host.osd is None:
            return
        host.crash()
        host.committing = 0
        self.story.append((self.time, f"osd.{number} crashes"))
        for other in self.hosts:
            if other is not host and frozenset((number, other.number)) not in self.apart:
                self.later(
                    self.random.uniform(0.001, 0.1),
                    other.alive(lambda osd=other: osd.osd and osd.osd.peer_unreachable(number, "refused")),  # type: ignore[misc]
                )

    def restart(self, number: int) -> None:
        if self.hosts[number].osd is None:
            self.story.append((self.time, f"osd.{number} starts"))
            self.hosts[number].start()

    def pause(self, number: int) -> None:
        host = self.hosts[number]
        if host.osd is not None and host.paused is None:
            self.story.append((self.time, f"osd.{number} is paused"))
            host.paused = []

    def resume(self, number: int) -> None:
        host = self.hosts[number]
        events, host.paused = host.paused, None
        for event in events or ():
            self.later(0.0, event)

    def cut(self, one: int, other: int) -> None:
        if one != other:
            self.story.append((self.time, f"osd.{one} and osd.{other} do not reach each other"))
            self.apart.add(frozenset((one, other)))

    def isolate(self, number: int, *, monitors: bool = True) -> None:
        for other in self.hosts:
            self.cut(number, other.number)
        if monitors:
            self.cut_from_monitors.add(number)

    def depose(self, number: int) -> None:
        """Cut an OSD off from all but the clients, and give its place to another before it can know."""
        self.isolate(number)
        self.mark_down(number, "deposed")

    def move(self, number: int) -> None:
        """Place data on an OSD no more, or again."""
        if number in self.map.osds:
            placed = not self.map.osds[number].placed
            if placed or sum(osd.placed for osd in self.map.osds.values()) > 3:
                self.change_osd(number, f"osd.{number} {'in' if placed else 'out'}", placed=placed)

    def mend(self) -> None:
        """All faults end."""
        self.story.append((self.time, "all faults end"))
        self.apart.clear()
        self.cut_from_monitors.clear()
        self.loss = 0.0
        for host in self.hosts:
            if host.osd is None:
                host.start()
            self.resume(host.number)
            host.ask_for_maps()

    @property
    def is_clean(self) -> bool:
        """Whether every placement group is whole on all that should have it, and the map says everybody is up."""
        if not all(osd.up for osd in self.map.osds.values()) or len(self.map.osds) < len(self.hosts):
            return False
        for pg in self.map.pgs():
            primary = self.map.interval(pg).primary
            osd = self.hosts[primary].osd if primary is not None else None
            group = osd.groups.get(pg) if osd is not None else None
            if group is None or group.state.value != "Clean" or group.since > self.map.epoch:
                return False
        return True

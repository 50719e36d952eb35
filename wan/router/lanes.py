"""The delay itself: one queue for each direction between two sites. Pure: packets and times in, packets out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping

from router.links import NO_FAULT, Direction, Link

ROOM = 20000
"""Packets that may be under way in one direction: 30 MB, more than any path here holds."""


class Lane:
    """One direction."""

    def __init__(self, link: Link = NO_FAULT) -> None:
        self.queue: deque[tuple[float, bytes]] = deque()
        self.set(link)

    def set(self, link: Link) -> None:
        """A new delay for the packets to come; those under way keep theirs. Counting begins anew."""
        self._delay, self._loss, self._cut = link.delay_ms / 1000, link.loss, link.cut
        self.passed = self.lost = 0
        self.waited = self.longest = 0.0

    def take(self, packet: bytes, now: float, dice: float) -> None:
        """A packet sets out, or is lost."""
        if self._cut or dice < self._loss or len(self.queue) >= ROOM:
            self.lost += 1
        else:
            self.queue.append((now + self._delay, packet))

    def due(self, now: float) -> Iterator[bytes]:
        """The packets that have arrived by now."""
        while self.queue and self.queue[0][0] <= now:
            arrival, packet = self.queue.popleft()
            waited = now - arrival + self._delay
            self.passed += 1
            self.waited += waited
            self.longest = max(self.longest, waited)
            yield packet

    def counts(self) -> dict[str, float]:
        """What this lane did since it was set."""
        mean = self.waited / self.passed if self.passed else 0.0
        return {
            "passed": self.passed,
            "lost": self.lost,
            "mean_ms": round(mean * 1000, 3),
            "longest_ms": round(self.longest * 1000, 3),
        }


class Lanes:
    """All directions. A packet's way is told by its addresses; `anycast_site` is where the shared address is now."""

    def __init__(self, subnets: Mapping[str, str], anycast: str, dice: Callable[[], float]) -> None:
        self.lanes: dict[Direction, Lane] = {
            (here, there): Lane() for here in subnets for there in subnets if here != there
        }
        self._subnets = {prefix(subnet): site for site, subnet in subnets.items()}
        self._anycast, self._dice = prefix(anycast), dice
        self._by_prefixes: dict[bytes, Lane] = {}
        self.move_anycast(None)

    def move_anycast(self, site: str | None) -> None:
        """The shared address is in another site now."""
        sites = self._subnets | ({self._anycast: site} if site else {})
        self._by_prefixes = {
            source + target: self.lanes[here, there]
            for source, here in sites.items()
            for target, there in sites.items()
            if here != there
        }

    def set(self, links: Mapping[Direction, Link]) -> None:
        """New links."""
        for direction, link in links.items():
            self.lanes[direction].set(link)

    def take(self, packet: bytes, now: float) -> None:
        """A packet sets out; one that belongs nowhere is dropped."""
        lane = self._by_prefixes.get(packet[12:15] + packet[16:19])
        if lane is not None:
            lane.take(packet, now, self._dice())

    def due(self, now: float) -> Iterator[bytes]:
        """All packets that have arrived by now."""
        for lane in self.lanes.values():
            if lane.queue:
                yield from lane.due(now)

    def next_arrival(self) -> float | None:
        """When the next packet arrives."""
        return min((lane.queue[0][0] for lane in self.lanes.values() if lane.queue), default=None)


def prefix(address: str) -> bytes:
    """The first three bytes of an address."""
    return bytes(int(part) for part in address.split(".")[:3])

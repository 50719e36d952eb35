"""Meters that see the cloud as the world does: from the client container, by the announced address and by name."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from lab.topology import Topology
from lab.watch import world
from tests.lab.probe import Meter
from tests.lab.record import ANYCAST, DNS

METERS = {"anycast": ANYCAST, "DNS": DNS}


class World:
    """Both meters, as long as this is entered."""

    def __init__(self, topology: Topology) -> None:
        self.meters = {way: Meter(name) for way, name in METERS.items()}
        self._program = world.World(topology, lambda way, moment: self.meters[way].successes.append(moment))

    def every(self, seconds: float) -> None:
        """Ask at this pace from now on."""
        self._program.every(seconds)

    def __enter__(self) -> Self:
        self._program.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._program.__exit__(kind, error, at)

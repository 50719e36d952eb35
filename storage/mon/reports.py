"""What a monitor hears and does not write down: signs of life, accusations, requests. Lost with the process."""

from __future__ import annotations

from dataclasses import dataclass, field

from storage.cluster_map import ClusterMap
from storage.messages import Beacon, Boot, Failure, PgReport, UpThru
from storage.names import PgId

#: An accusation is repeated every half second; after this many seconds it does not count any more.
ACCUSATION = 2.0


@dataclass
class Reports:
    """Times are seconds on the monitor's own clock."""

    started: float
    beacons: dict[int, tuple[float, Beacon]] = field(default_factory=dict)
    #: target -> reporter -> when, about which start of the target, and why.
    failures: dict[int, dict[int, tuple[float, str, str]]] = field(default_factory=dict)
    boots: dict[int, tuple[float, Boot]] = field(default_factory=dict)
    up_thru: dict[int, UpThru] = field(default_factory=dict)

    def beacon(self, message: Beacon, now: float) -> None:
        """A sign of life."""
        self.beacons[message.osd] = (now, message)

    def failure(self, message: Failure, now: float) -> None:
        """An accusation, or its end."""
        accusers = self.failures.setdefault(message.target, {})
        if message.failed:
            accusers[message.reporter] = (now, message.incarnation, message.reason)
        else:
            accusers.pop(message.reporter, None)

    def accusers(self, target: int, cluster: ClusterMap, now: float) -> dict[int, str]:
        """Which OSDs that are up accuse this start of another at the moment, and why."""
        return {
            reporter: reason
            for reporter, (when, incarnation, reason) in self.failures.get(target, {}).items()
            if now - when <= ACCUSATION
            and incarnation == cluster.osds[target].incarnation
            and reporter in cluster.osds
            and cluster.osds[reporter].up
            and reporter != target
        }

    def alive(self, number: int, now: float, seconds: float) -> bool:
        """Whether an OSD gave a sign of life within the last seconds."""
        heard = self.beacons.get(number)
        return heard is not None and now - heard[0] <= seconds

    def pgs(self, cluster: ClusterMap) -> dict[PgId, PgReport]:
        """What the present primaries say of their placement groups."""
        found: dict[PgId, PgReport] = {}
        for number, (_, beacon) in self.beacons.items():
            for report in beacon.pgs:
                if report.pg.pool in cluster.pools and cluster.interval(report.pg).primary == number:
                    found[report.pg] = report
        return found

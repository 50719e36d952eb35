"""What a monitor hears and does not write down: signs of life, accusations, requests. Lost with the process.

Times are seconds on the monitor's own clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from storage.cluster_map import ClusterMap
from storage.messages import Beacon, Boot, Failure, Heard, PgReport, UpThru
from storage.names import PgId

#: An accusation is repeated every half second; after this many seconds it does not count any more.
ACCUSATION = 2.0
#: Monitors tell each other what they hear; one that was silent for this share of the patience is not counted.
COLLEAGUE = 0.6
#: An OSD that was wrongly taken for dead twice within so many seconds flaps.
FLAPPING = 60.0


@dataclass
class Reports:
    """`monitors`: how many there are, this one included."""

    started: float
    monitors: int = 1
    beacons: dict[int, tuple[float, Beacon]] = field(default_factory=dict)
    #: When each OSD's last beacon came to another monitor, and when that monitor last spoke.
    elsewhere: dict[int, float] = field(default_factory=dict)
    colleagues: dict[str, float] = field(default_factory=dict)
    #: target -> reporter -> when, and what was said.
    failures: dict[int, dict[int, tuple[float, Failure]]] = field(default_factory=dict)
    boots: dict[int, tuple[float, Boot]] = field(default_factory=dict)
    up_thru: dict[int, UpThru] = field(default_factory=dict)
    #: When each OSD was taken for dead lately.
    deaths: dict[int, list[float]] = field(default_factory=dict)

    def beacon(self, message: Beacon, now: float) -> None:
        """A sign of life."""
        self.beacons[message.osd] = (now, message)

    def failure(self, message: Failure, now: float) -> None:
        """An accusation, or its end."""
        accusers = self.failures.setdefault(message.target, {})
        if message.failed:
            accusers[message.reporter] = (now, message)
        else:
            accusers.pop(message.reporter, None)

    def accusers(self, target: int, cluster: ClusterMap, now: float) -> dict[int, str]:
        """Which OSDs that are up accuse another at the moment, and why. What was said before it came up is over."""
        accused = cluster.osds[target]
        return {
            reporter: said.reason
            for reporter, (when, said) in self.failures.get(target, {}).items()
            if now - when <= ACCUSATION
            and said.incarnation == accused.incarnation
            and said.epoch >= accused.up_from
            and reporter in cluster.osds
            and cluster.osds[reporter].up
            and reporter != target
        }

    def heard(self, monitor: str, message: Heard, now: float) -> None:
        """Whom another monitor hears."""
        self.colleagues[monitor] = now
        for number, seconds in message.beacons:
            self.elsewhere[number] = max(self.elsewhere.get(number, 0.0), now - seconds)

    def to_tell(self, now: float) -> Heard:
        """Whom this monitor hears."""
        return Heard(tuple((number, now - when) for number, (when, _) in self.beacons.items()))

    def is_judge(self, now: float, seconds: float) -> bool:
        """Whether silence means something: this monitor has listened long enough, and so did most of the others."""
        if now - self.started < seconds:
            return False
        listening = sum(now - when <= COLLEAGUE * seconds for when in self.colleagues.values())
        return self.monitors <= 1 or 2 * listening > self.monitors

    def is_silent(self, number: int, now: float, seconds: float) -> bool:
        """Whether no monitor had a sign of life from an OSD within the last seconds."""
        here, _ = self.beacons.get(number, (0.0, None))
        return now - max(here, self.elsewhere.get(number, 0.0)) > seconds

    def died(self, number: int, now: float) -> None:
        """An OSD was taken for dead."""
        self.deaths[number] = [when for when in self.deaths.get(number, ()) if now - when < FLAPPING] + [now]

    def must_wait(self, number: int, now: float) -> bool:
        """Whether an OSD that says it lives should be left down a little longer: 1 s, 2 s, 4 s … each time it flaps."""
        recent = [when for when in self.deaths.get(number, ()) if now - when < FLAPPING]
        return len(recent) > 1 and now - recent[-1] < min(30.0, 2.0 ** (len(recent) - 2))

    def pgs(self, cluster: ClusterMap) -> dict[PgId, PgReport]:
        """What the present primaries say of their placement groups."""
        found: dict[PgId, PgReport] = {}
        for number, (_, beacon) in self.beacons.items():
            for report in beacon.pgs:
                if report.pg.pool in cluster.pools and cluster.interval(report.pg).primary == number:
                    found[report.pg] = report
        return found

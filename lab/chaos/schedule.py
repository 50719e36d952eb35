"""What is struck when. Pure: the same seed gives the same schedule.

The lab promises to survive one part of a kind at a time. So of the parts of one role in one region at most one is
broken at any moment, and the next one only when the last has had time to come back. How much is broken at once, in
different roles, is the intensity.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from lab.topology import Part

KINDS = ("kill", "kill", "pause", "isolate", "stop")
ROLES = frozenset({
    "lb", "proxysql", "galera", "shared-galera", "rabbitmq", "identity", "image", "swift-proxy", "swift",
    "compute-api", "scheduler", "conductor", "volume", "mon", "osd",
})  # fmt: skip
SHORTEST, LONGEST = 4.0, 15.0
#: Seconds between two strikes at intensity 1, at most; the whole lab has this long, too, before the end.
PAUSE = 8.0
#: Seconds that a part has to come back before another of its role may be struck: an empty database node is slowest.
RECOVERY = 25.0
BEGIN = 3.0


class Strike(NamedTuple):
    """One fault: when (seconds since the beginning), of what kind, on which part, for how long."""

    at: float
    kind: str
    label: str
    seconds: float

    def sentence(self) -> str:
        """One line for the user."""
        return f"{self.at:6.1f} s  {self.kind} {self.label} for {self.seconds:.1f} s"


def schedule(seed: int, seconds: float, intensity: int, parts: Iterable[Part]) -> list[Strike]:
    """The strikes of a run that takes so many seconds. All are over, and the lab had time to recover, when it ends."""
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    candidates = sorted((part for part in parts if part.role in ROLES), key=lambda part: part.label)
    strikes: list[Strike] = []
    free: dict[tuple[str, str], float] = {}
    at = BEGIN
    while at + SHORTEST <= seconds - RECOVERY:
        if sum(one.at + one.seconds > at for one in strikes) < intensity:
            able = [part for part in candidates if free.get((part.site, part.role), 0.0) <= at]
            if able:
                strike = _strike(chance, at, able, seconds - RECOVERY - at)
                strikes.append(strike)
                struck = next(part for part in able if part.label == strike.label)
                free[struck.site, struck.role] = at + strike.seconds + RECOVERY
        at += chance.uniform(1.0, PAUSE) / intensity
    return strikes


def _strike(chance: random.Random, at: float, able: Sequence[Part], left: float) -> Strike:
    role = chance.choice(sorted({part.role for part in able}))
    part = chance.choice([part for part in able if part.role == role])
    lasts = min(chance.uniform(SHORTEST, LONGEST), left)
    return Strike(round(at, 1), chance.choice(KINDS), part.label, round(lasts, 1))

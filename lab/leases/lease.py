"""What is broken on purpose, until when: one small file for each lease in `var/faults/`."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from lab.lock import in_turn
from lab.paths import VAR, private_directory, write_private

DIRECTORY = VAR / "faults"
TURN = 120.0  # seconds that a change of what is broken may take: a whole region's, on a slow machine
#: What a part of a fault's kind is then: two kinds that leave it the same way do not mend each other's.
PACKETS, PACE, DISK, CLOCK = "its packets", "its pace", "its disk", "its clock"
CONDITION = {
    "kill": "dead",
    "stop": "dead",
    "pause": "frozen",
    "isolate": "alone",
    "slow": PACE,
    "fill-disk": DISK,
    "clock-skew": CLOCK,
}
#: Of these, nothing is seen from outside: only the lease knows that there is something to mend.
INSIDE = {PACKETS, PACE, DISK, CLOCK}


@dataclass(frozen=True)
class Lease:
    """One fault that was ordered: of which kind, on which parts (labels), from when until when (Unix time)."""

    id: str
    kind: str
    labels: tuple[str, ...]
    began: float
    until: float
    #: What the kind needs to know more: the other side of a partition, a share, a delay, how far a clock is off.
    detail: str = ""

    @property
    def condition(self) -> str:
        """What its parts are."""
        return CONDITION.get(self.kind, PACKETS)

    def from_now(self, now: float) -> Lease:
        """The same for as long, begun now."""
        return replace(self, began=now, until=now + self.until - self.began)

    def sentence(self, now: float) -> str:
        """One line for the user."""
        left = self.until - now
        time = f"{left:.0f} s left" if left > 0 else "due"
        detail = f" {self.detail}" if self.detail else ""
        return f"{self.id}  {self.kind}{detail}  {', '.join(self.labels)}  {time}"


def new(kind: str, labels: Iterable[str], now: float, seconds: float, detail: str = "") -> Lease:
    """A lease from now on."""
    return Lease(secrets.token_hex(2), kind, tuple(labels), now, now + seconds, detail)


class Leases:
    """The leases of this checkout's lab."""

    def __init__(self, directory: Path = DIRECTORY) -> None:
        self._directory = directory

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Whoever breaks or mends by leases does it in here: a short fault may be over before it is all there.

        Raises LabError where somebody else takes too long.
        """
        private_directory(self._directory.parent)
        private_directory(self._directory)
        with in_turn(self._directory / "lock", TURN, "Another command is changing what is broken; try again."):
            yield

    def add(self, lease: Lease) -> None:
        """Write it down; it is in force from then on."""
        private_directory(self._directory.parent)
        private_directory(self._directory)
        write_private(self._path(lease.id), json.dumps(asdict(lease)))

    def all(self) -> list[Lease]:
        """Every lease, the oldest first. A file that is none is left alone."""
        found = [lease for path in self._directory.glob("*.json") if (lease := self._read(path)) is not None]
        return sorted(found, key=lambda lease: lease.began)

    def find(self, lease_id: str) -> Lease | None:
        """One of them, None where it is over."""
        return self._read(self._path(lease_id))

    def remove(self, lease_id: str) -> None:
        """Forget it: it was undone."""
        self._path(lease_id).unlink(missing_ok=True)

    def _path(self, lease_id: str) -> Path:
        return self._directory / f"{lease_id}.json"

    @staticmethod
    def _read(path: Path) -> Lease | None:
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            return Lease(**values | {"labels": tuple(values["labels"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None


def to_mend(lease: Lease, others: Iterable[Lease], now: float) -> tuple[str, ...]:
    """Which of a lease's parts are to be mended as it ends: not those that another one still keeps so. Pure."""
    kept = {
        label
        for other in others
        if other.id != lease.id and other.condition == lease.condition and other.until > now
        for label in other.labels
    }
    return tuple(label for label in lease.labels if label not in kept)

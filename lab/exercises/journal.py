"""What a student did, in order: a chain in which every entry carries the hash of all before it.

Changing or leaving out an entry afterwards breaks the chain. It does not prove who did the work.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.paths import private_directory, write_private


@dataclass(frozen=True)
class Entry:
    """One thing that was done: when (Unix time), in which exercise and stage (from 1), what, and what came of it."""

    at: float
    exercise: int
    stage: int
    what: str  # start, predict, measure, answer, hint, check, reset, solve, stop
    values: Mapping[str, Any] = field(default_factory=dict)
    seal: str = ""


def first_seal(student: str) -> str:
    """Where a student's chain begins."""
    return hashlib.sha256(f"quorate:{student}".encode()).hexdigest()


def seal(before: str, entry: Entry) -> str:
    """The hash of an entry and of all before it. Pure."""
    told = json.dumps({**asdict(entry), "seal": before}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(told.encode()).hexdigest()


def broken_at(student: str, entries: Iterable[Entry]) -> int | None:
    """The place (from 1) of the first entry that does not follow from those before it; None where all do. Pure."""
    last, time = first_seal(student), 0.0
    for place, entry in enumerate(entries, start=1):
        if entry.seal != seal(last, entry) or entry.at < time:
            return place
        last, time = entry.seal, entry.at
    return None


class Journal:
    """One student's chain in a file, an entry a line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.student, self.entries = self._read()

    def begin(self, student: str) -> None:
        """Whose journal this is. Raises LabError where it is somebody else's already."""
        if self.student and self.student != student:
            raise LabError(
                f"This journal is {self.student}'s: {self._path} must be moved away before {student} begins one."
            )
        self.student = student
        self._write()

    def add(self, at: float, exercise: int, stage: int, what: str, **values: Any) -> Entry:
        """Write down one more thing."""
        if not self.student:
            raise LabError("Nobody has begun an exercise here: `quorate exercise start 1 --student NAME` does.")
        last = self.entries[-1].seal if self.entries else first_seal(self.student)
        at = max(at, self.entries[-1].at if self.entries else 0.0)  # a clock that was set back breaks no chain
        entry = Entry(at, exercise, stage, what, values)
        entry = Entry(at, exercise, stage, what, values, seal(last, entry))
        self.entries = (*self.entries, entry)
        self._write()
        return entry

    def as_json(self) -> dict[str, Any]:
        """For a bundle."""
        return {"student": self.student, "entries": [asdict(entry) for entry in self.entries]}

    def _read(self) -> tuple[str, tuple[Entry, ...]]:
        if not self._path.exists():
            return "", ()
        try:
            return read(json.loads(self._path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise LabError(f"The journal {self._path} can't be read: {error}.") from error

    def _write(self) -> None:
        private_directory(self._path.parent)
        write_private(self._path, json.dumps(self.as_json(), indent=1) + "\n")


def read(raw: Any) -> tuple[str, tuple[Entry, ...]]:
    """Student and entries out of a bundle or a journal's content. Raises ValueError."""
    try:
        return str(raw["student"]), tuple(Entry(**each) for each in raw["entries"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"no journal: {error}") from error


def of(entries: Sequence[Entry], exercise: int, stage: int | None = None) -> list[Entry]:
    """Those about one exercise, or one stage of it."""
    return [each for each in entries if each.exercise == exercise and stage in {None, each.stage}]

"""What an agent remembers about each guest across its own death: the last order carried out and how it ended.

One small file per guest, replaced atomically and synced. The order's number makes every message harmless to repeat
and makes late ones visible as such.
"""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import asdict, dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Any

_ID = re.compile(r"^[0-9a-f-]{36}$")

#: How long the memory of a destroyed guest is kept, so that a late order to create it is recognised (seconds).
TOMBSTONE_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Entry:
    """The last order carried out for a guest. `gone` marks a guest that was destroyed at `at` (epoch seconds)."""

    op: int
    order: str
    power: str
    gone: bool = False
    at: float = 0.0
    #: How often each kind of order was carried out: the proof that nothing happened twice.
    done: dict[str, int] = field(default_factory=dict)
    guest: dict[str, Any] = field(default_factory=dict)
    #: Volumes by id: the last order for each, `is_here` whether the guest has it, and what the order said of it.
    volumes: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: How much of the root disk goes into each image that is being made of the guest, bytes by image id.
    snapshots: dict[str, int] = field(default_factory=dict)


class Verdict(Enum):
    """What to do with an order."""

    DO = auto()
    REPORT_AGAIN = auto()
    IGNORE = auto()


def judge(entry: Entry | None, op: int, order: str) -> Verdict:
    """Orders are done once and in the order of their numbers; a repeated one is only reported again."""
    if entry is None or op > entry.op:
        return Verdict.DO
    return Verdict.REPORT_AGAIN if op == entry.op and order == entry.order else Verdict.IGNORE


def judge_volume(entry: Entry | None, volume_id: str, op: int, order: str) -> Verdict:
    """As `judge`, for an order about one volume of a guest: these have numbers of their own."""
    known = entry.volumes.get(volume_id) if entry is not None else None
    if known is None or op > known["op"]:
        return Verdict.DO
    return Verdict.REPORT_AGAIN if op == known["op"] and order == known["order"] else Verdict.IGNORE


class Journal:
    """The entries of one host, one file each under `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def _path(self, instance_id: str) -> Path:
        if not _ID.match(instance_id):
            raise ValueError(f"not an instance id: {instance_id!r}")
        return self._directory / f"{instance_id}.json"

    def get(self, instance_id: str) -> Entry | None:
        try:
            return Entry(**json.loads(self._path(instance_id).read_text()))
        except FileNotFoundError:
            return None

    def put(self, instance_id: str, entry: Entry) -> None:
        """Store the entry so that it survives the loss of power."""
        path = self._path(instance_id)
        temporary = path.with_suffix(".tmp")
        with temporary.open("w") as file:
            json.dump(asdict(entry), file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        directory = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def all(self) -> dict[str, Entry]:
        """Every entry by instance id; tombstones that are old enough are dropped on the way."""
        found = {}
        for path in self._directory.glob("*.json"):
            entry = self.get(path.stem)
            if entry is None:
                continue
            if entry.gone and time.time() - entry.at > TOMBSTONE_SECONDS:
                path.unlink(missing_ok=True)
                continue
            found[path.stem] = entry
        return found

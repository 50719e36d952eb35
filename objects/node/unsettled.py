"""What Swift's replicators look at in a pass: what may differ from its copies, not everything.

By itself a replicator asks every copy of every database and of every partition of objects, in each pass, whether it is
the same, and what was deleted stays for a week. Two hundred databases cost a fifth of a processor on each node of a
cloud that does nothing. Swift's own `run_once` can be told which partitions to look at. Those are chosen whose files
changed since a pass without a failure. Where none did, it is one, each time another: that tells whether a node is away,
and when a copy differs though nothing has changed here, as when a disk is lost, everything is looked at. So it is now
and then anyway.
"""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from node.rings import DEVICE

THOROUGH_SECONDS = 180.0
DATABASES = (".db", ".db.pending")  # a database, and rows that wait to be put into it
HASHES = ("hashes.pkl", "hashes.invalid")  # what a partition of objects is known by, and where that is out of date

#: Of each partition: its files with the time of their last change (ns) and their size (bytes).
Found = Mapping[str, frozenset[tuple[str, int, int]]]


class Unsettled:
    """Remembers what each partition looked like when it was last the same everywhere. Pure."""

    def __init__(self, thorough: float = THOROUGH_SECONDS) -> None:
        self._thorough, self._thorough_at, self._failed = thorough, float("-inf"), False
        self._settled: dict[str, frozenset[tuple[str, int, int]]] = {}
        self._passes = 0

    def due(self, found: Found, now: float) -> frozenset[str]:
        """The partitions to look at in a pass that begins `now` (seconds of a steady clock).

        While a node does not answer, each question to it costs a time-out, and what changed must not wait behind all
        that did not: everything is looked at when it is back, which one partition is enough to learn.
        """
        self._passes += 1
        changed = frozenset(name for name, files in found.items() if self._settled.get(name) != files)
        if not self._failed and now - self._thorough_at >= self._thorough:
            self._thorough_at = now
            return frozenset(found)
        return changed or self._one_of(found)

    def _one_of(self, found: Found) -> frozenset[str]:
        names = sorted(found)
        return frozenset(names[self._passes % len(names) :][:1]) if names else frozenset()

    def passed(self, found: Found, due: frozenset[str], *, failures: int, differences: int) -> None:
        """A pass over `due` ended, with so many copies that could not be asked or were not the same.

        `found` is from before it: what changed meanwhile is looked at again.
        """
        if failures:
            self._failed = True
            return
        surprising = differences and all(self._settled.get(name) == found[name] for name in due)
        if self._failed or surprising:
            self._thorough_at = float("-inf")
        self._failed = False
        if not differences:  # else looked at again: what was sent now should be there then
            self._settled |= {name: found[name] for name in due}


def databases(folder: Path) -> Found:
    """What is in the partitions under `folder`; files that vanish meanwhile are left out."""
    return _found(
        folder,
        (Path(place, name) for place, _, names in os.walk(folder) for name in names if name.endswith(DATABASES)),
    )


def objects(folder: Path) -> Found:
    """The state of the partitions under `folder`: every change of an object changes what is kept beside them."""
    places = [place for place in folder.iterdir() if place.name.isdigit()] if folder.exists() else []
    found = _found(folder, (place / name for place in places for name in HASHES))
    return {place.name: found.get(place.name, frozenset()) for place in places}


def _found(folder: Path, paths: Iterable[Path]) -> Found:
    found: dict[str, set[tuple[str, int, int]]] = defaultdict(set)
    for path in paths:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            state, inner = path.stat(), path.relative_to(folder)
            found[inner.parts[0]].add((str(inner), state.st_mtime_ns, state.st_size))
    return {name: frozenset(files) for name, files in found.items()}


def database_passes(replicator: Any, now: Callable[[], float]) -> Callable[[], None]:
    """What to do again and again with one of Swift's database replicators."""

    def outcome() -> tuple[int, int]:
        stats = replicator.stats
        return stats["failure"], stats["diff"] + stats["rsync"] + stats["remote_merge"]

    folder = Path(replicator.root, DEVICE, replicator.datadir)
    return _passes(replicator, lambda: databases(folder), outcome, now)


def object_passes(replicator: Any, now: Callable[[], float]) -> Callable[[], None]:
    """The same with Swift's object replicator."""

    def outcome() -> tuple[int, int]:
        stats = replicator.total_stats
        return stats.failure, stats.suffix_sync

    folder = Path(replicator.devices_dir, DEVICE, "objects")
    return _passes(replicator, lambda: objects(folder), outcome, now)


def _passes(
    replicator: Any, find: Callable[[], Found], outcome: Callable[[], tuple[int, int]], now: Callable[[], float]
) -> Callable[[], None]:
    unsettled = Unsettled()

    def once() -> None:
        found = find()
        due = unsettled.due(found, now())
        if not due:
            return
        replicator.run_once(devices=DEVICE, partitions=",".join(sorted(due)))
        failures, differences = outcome()
        unsettled.passed(found, due, failures=failures, differences=differences)

    return once

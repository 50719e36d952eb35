"""Which databases Swift's replicators look at in a pass: those that may differ from their copies, not all of them.

By itself a replicator asks every copy of every database, in each pass, whether it is the same, and what was deleted
stays for a week. Two hundred databases cost a fifth of a processor on each node of a cloud that does nothing. Swift's
own `run_once` can be told which partitions to look at. Those are chosen whose files changed since a pass without a
failure, and all of them now and then: a copy may differ without anything having changed here, as when a disk is lost.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from node.rings import DEVICE

THOROUGH_SECONDS = 60.0
KINDS = (".db", ".db.pending")  # a database, and rows that wait to be put into it

#: Of each partition: its files with the time of their last change (ns) and their size (bytes).
Found = Mapping[str, frozenset[tuple[str, int, int]]]


class Unsettled:
    """Remembers what each partition looked like when it was last the same everywhere. Pure."""

    def __init__(self, thorough: float = THOROUGH_SECONDS) -> None:
        self._thorough, self._thorough_at, self._failed = thorough, float("-inf"), False
        self._settled: dict[str, frozenset[tuple[str, int, int]]] = {}

    def due(self, found: Found, now: float) -> frozenset[str]:
        """The partitions to look at in a pass that begins `now` (seconds of a steady clock).

        While a node does not answer, each question to it costs a time-out, and what changed must not wait behind all
        that did not: everything is looked at when it is back, which one partition is enough to learn.
        """
        changed = frozenset(name for name, files in found.items() if self._settled.get(name) != files)
        if self._failed:
            return changed or frozenset(sorted(found)[:1])
        if now - self._thorough_at >= self._thorough:
            self._thorough_at = now
            return frozenset(found)
        return changed

    def passed(self, found: Found, due: frozenset[str], failures: int) -> None:
        """A pass over `due` ended. `found` is from before it: what changed meanwhile is looked at again."""
        self._failed = failures > 0
        if not failures:
            self._settled |= {name: found[name] for name in due}


def find(folder: Path) -> Found:
    """What is in the partitions under `folder`; files that vanish meanwhile are left out."""
    found: dict[str, set[tuple[str, int, int]]] = defaultdict(set)
    for place, _, names in os.walk(folder):
        for name in names:
            if not name.endswith(KINDS):
                continue
            path = Path(place, name)
            try:
                state = path.stat()
            except FileNotFoundError:
                continue
            inner = path.relative_to(folder)
            found[inner.parts[0]].add((str(inner), state.st_mtime_ns, state.st_size))
    return {name: frozenset(files) for name, files in found.items()}


def passes(replicator: Any, now: Callable[[], float]) -> Callable[[], None]:
    """What to do again and again with one of Swift's database replicators."""
    unsettled, folder = Unsettled(), Path(replicator.root, DEVICE, replicator.datadir)

    def once() -> None:
        found = find(folder)
        due = unsettled.due(found, now())
        if not due:
            return
        replicator.run_once(devices=DEVICE, partitions=",".join(sorted(due)))
        unsettled.passed(found, due, replicator.stats["failure"])

    return once

"""The log of a placement group: its latest changes in order, and what two logs that parted say about what is missing.

Source: Ceph's PGLog (log-based recovery); the merge here is a pure function over values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from storage.messages import LogEntry
from storage.names import NO_VERSION, ObjectId, Version

#: How many entries a log keeps (twice as many before it is cut).
LOG_LENGTH = 500
Missing = dict[ObjectId, Version]


class Log:
    """Entries after `tail`, oldest first; knows whose operations are among them."""

    def __init__(self, entries: Iterable[LogEntry] = (), tail: Version = NO_VERSION) -> None:
        self.tail = tail
        self.entries: list[LogEntry] = []
        self._done: dict[tuple[str, int], Version] = {}
        for entry in entries:
            self.append(entry)

    @property
    def head(self) -> Version:
        """The newest version; of an empty log, its tail."""
        return self.entries[-1].version if self.entries else self.tail

    def append(self, entry: LogEntry) -> None:
        """Versions only grow."""
        assert entry.version > self.head, f"{entry.version} after {self.head}"
        self.entries.append(entry)
        if entry.client:
            self._done[entry.client, entry.number] = entry.version

    def done(self, client: str, number: int) -> Version | None:
        """The version that an operation made, if it is in the log: then it must not be done again."""
        return self._done.get((client, number))

    def trim(self) -> Version | None:
        """Cut to LOG_LENGTH where it is twice as long: the new tail, or None where nothing was cut."""
        if len(self.entries) < 2 * LOG_LENGTH:
            return None
        gone, self.entries = self.entries[:-LOG_LENGTH], self.entries[-LOG_LENGTH:]
        for entry in gone:
            if self._done.get((entry.client, entry.number)) == entry.version:
                del self._done[entry.client, entry.number]
        self.tail = gone[-1].version
        return self.tail


@dataclass(frozen=True)
class Merge:
    """What makes a copy follow the authoritative log."""

    #: Own entries that never happened, as far as the group is concerned.
    divergent: tuple[LogEntry, ...]
    #: Entries that this copy has not seen.
    added: tuple[LogEntry, ...]
    #: Objects that this copy must fetch, and in which version (what was missing before included).
    missing: Missing
    #: Objects that this copy must remove.
    removed: frozenset[ObjectId]


def common_point(own: Log, other: Log) -> Version | None:
    """The newest version that both logs have behind them; None where they do not meet."""
    versions = {entry.version for entry in other.entries}
    versions.add(other.tail)
    for entry in reversed(own.entries):
        if entry.version in versions:
            return entry.version
    return own.tail if own.tail in versions else None


def merge(own: Log, missing: Mapping[ObjectId, Version], authority: Log) -> Merge | None:
    """How a copy with log `own`, lacking `missing`, comes to follow `authority`; None: compare all objects instead."""
    common = common_point(own, authority)
    if common is None:
        return None
    divergent = [entry for entry in own.entries if entry.version > common]
    added = [entry for entry in authority.entries if entry.version > common]
    wanted: dict[ObjectId, Version | None] = {}
    shared = {entry.object: entry for entry in authority.entries if entry.version <= common}
    for entry in divergent:
        if entry.object not in wanted:
            before = shared.get(entry.object)
            gone = before.deleted if before else entry.prior == NO_VERSION
            wanted[entry.object] = None if gone else (before.version if before else entry.prior)
    for entry in added:
        wanted[entry.object] = None if entry.deleted else entry.version
    lacking = dict(missing)
    for name, version in wanted.items():
        if version is None:
            lacking.pop(name, None)
        else:
            lacking[name] = version
    removed = frozenset(name for name, version in wanted.items() if version is None)
    return Merge(tuple(divergent), tuple(added), lacking, removed)


def compare(
    own: Mapping[ObjectId, Version], objects: Sequence[tuple[ObjectId, Version]]
) -> tuple[Missing, set[ObjectId]]:
    """What a copy with the objects `own` lacks of all `objects` there should be, and what it has too much."""
    should = dict(objects)
    lacking = {name: version for name, version in should.items() if own.get(name) != version}
    return lacking, set(own) - set(should)

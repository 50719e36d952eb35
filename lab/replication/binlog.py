"""Reads which tables a transaction in a binary log changed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from lab.replication.gtid import Stretch

GTID = re.compile(r"\bGTID (\d+-\d+-\d+)")
TABLE = re.compile(r"\(([\w-]+\.[\w-]+)\)")


class Transaction(NamedTuple):
    """One transaction: its id, and what it was about."""

    gtid: str
    about: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.gtid}  {', '.join(self.about) or 'no rows'}"


def transactions(events: Iterable[tuple[str, str]], wanted: Sequence[Stretch]) -> list[Transaction]:
    """Those of the log that lie in one of the stretches, in order. `events` are its events: type and text."""
    found: list[Transaction] = []
    current: list[str] | None = None
    for kind, text in events:
        if kind == "Gtid" and (named := GTID.search(text)):
            gtid = named[1]
            current = [] if any(stretch.holds(gtid) for stretch in wanted) else None
            if current is not None:
                found.append(Transaction(gtid, ()))
        elif current is not None and kind == "Table_map" and (table := TABLE.search(text)):
            current += [table[1]] if table[1] not in current else []
            found[-1] = found[-1]._replace(about=tuple(current))
    return found

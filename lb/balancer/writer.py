"""Which database node gets the writes, and whose sessions must end.

Every load balancer reaches the same answer from what the nodes themselves say, and remembers nothing: the writer is
the node that has been in step for the longest. A node that comes back is the youngest, so it takes nothing over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

GRACE = 0.16
"""Seconds between a server's end and that of its sessions: those still connecting go elsewhere by themselves."""

USABLE = ("up", "donor")


class Member(NamedTuple):
    """A usable node, in the words of its state port."""

    name: str
    ordinal: int
    since: int


def parse_member(name: str, line: str) -> Member | None:
    """Read a state line, "ordinal uuid seqno phase since view"; None if the node is not usable."""
    words = line.split()
    if len(words) < 5 or words[3] not in USABLE or not re.fullmatch(r"\d+", words[0] + words[4]):
        return None
    return Member(name, int(words[0]), int(words[4]))


def choose_writer(current: str | None, members: list[Member]) -> str | None:
    """The most senior node, the highest ordinal among equals. With no node usable the last choice stays."""
    best = min(members, key=lambda member: (member.since, -member.ordinal), default=None)
    return best.name if best else current


class Reaper:
    """Tells which servers' sessions must end: those of a server that has been unfit for GRACE seconds."""

    def __init__(self) -> None:
        self._unfit_since: dict[str, float] = {}

    def due(self, fit: Mapping[str, bool], sessions: Mapping[str, int], now: float) -> list[str]:
        """Servers to clear at `now`; asked at each look, so that late sessions end too."""
        for server, is_fit in fit.items():
            if is_fit:
                self._unfit_since.pop(server, None)
            else:
                self._unfit_since.setdefault(server, now)
        return [
            server
            for server, began in self._unfit_since.items()
            if now - began >= GRACE and sessions.get(server, 0) > 0
        ]

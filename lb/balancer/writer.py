"""Which database node gets the writes.

Every load balancer reaches the same answer from what the nodes themselves say, and remembers nothing but the present
writer: the writer is the node that has been in step for the longest. A node that comes back is the youngest, so it
takes nothing over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

SILENCE = 1.0
"""Seconds after which a writer that does not answer is given up, even if the other nodes still count on it."""

USABLE = ("up", "donor")


class Report(NamedTuple):
    """What a node's state port says, as far as it matters here."""

    ordinal: int
    phase: str
    since: int
    members: frozenset[int]

    @classmethod
    def unfit(cls, ordinal: int) -> Report:
        """The report of a node that answers, but not as a usable node does."""
        return cls(ordinal, "unfit", 0, frozenset())

    @property
    def usable(self) -> bool:
        """Whether the node serves clients."""
        return self.phase in USABLE


def parse_report(line: str) -> Report | None:
    """Read a state line, "ordinal uuid seqno phase since view members"; None if it is not one."""
    words = line.split()
    try:
        members = frozenset(int(word) for word in words[6].split(",") if word != "-")
        return Report(int(words[0]), words[3], int(words[4]), members)
    except (ValueError, IndexError):
        return None


def choose_writer(
    current: str | None, reports: Mapping[str, Report | None], *, ordinal: int, silent_for: float
) -> str | None:
    """The most senior usable node, the highest ordinal among equals; with no node usable, the last choice.

    A writer that stays silent keeps its role while the cluster counts it as a member: it is only slow, or only slow
    to reach. The cluster expels a dead member in half a second. `ordinal` is the present writer's.
    """
    usable = {name: report for name, report in reports.items() if report and report.usable}
    if not usable:
        return current
    if current is not None and reports.get(current) is None and silent_for < SILENCE:
        witnesses = [report for report in usable.values() if ordinal in report.members]
        if len(witnesses) == len(usable):
            return current
    return min(usable, key=lambda name: (usable[name].since, -usable[name].ordinal))

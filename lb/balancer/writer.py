"""Which database node gets the writes.

Every load balancer reaches the same answer from what the nodes themselves say, and remembers nothing but the present
writer: the writer is the node that has been in step for the longest. A node that comes back is the youngest, so it
takes nothing over.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

SILENCE = 1.0
"""Seconds after which a writer that does not answer is given up, even if the other nodes still count on it."""

USABLE = ("up", "donor")
READABLE = "lost"


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
    def readable(self) -> bool:
        """Whether the node, which has no majority, can at least be read."""
        return self.phase == READABLE

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


def ask_around(
    names: Collection[str], local: Collection[str], ask: Callable[[str], Report | None]
) -> dict[str, Report | None]:
    """What the nodes say. In a cluster over several regions the others' nodes are asked only where their word could
    count: while none of the `local` ones, those of this region, is usable."""
    reports = {name: ask(name) for name in names if not local or name in local}
    if not any(report and report.usable for report in reports.values()):
        reports |= {name: ask(name) for name in names if name not in reports}
    return reports


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


def choose_shared(current: str | None, reports: Mapping[str, Report | None], local: Collection[str]) -> str | None:
    """The node of a cluster over several regions that serves this region, which has the `local` nodes.

    A usable node of the own region, else one of another; with no majority in reach a node that can be read, the own
    region's first; else the last choice. Within each of these the most senior, as above. Here a silent node is given
    up at once: each region has a writer of its own anyway, and reads need not wait until the cluster expels it.
    """
    known = {name: report for name, report in reports.items() if report}
    usable = [name for name, report in known.items() if report.usable]
    readable = [name for name, report in known.items() if report.readable]
    for candidates in (usable, readable):
        near = [name for name in candidates if name in local]
        if near or candidates:
            return min(near or candidates, key=lambda name: (known[name].since, -known[name].ordinal))
    return current

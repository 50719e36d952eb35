"""The lanes of a run as the page shows them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from lab.watch.run import LaneSummary, Operation, summary
from lab.watch.strip import Mark, strip

MARKS, BUCKET = 60, 1.0  # a strip: so many marks, each for so many seconds
NAMES = {Mark.SERVED: "served", Mark.MIXED: "mixed", Mark.SILENT: "silent", Mark.GAP: "gap", Mark.BEFORE: "before"}


@dataclass(frozen=True)
class Stretch:
    """Marks of one kind side by side: the name of the kind, the first one's place, how many."""

    kind: str
    start: int
    length: int


@dataclass(frozen=True)
class LaneView:
    """One lane now: `served`, `failing` or `idle`, with words for it."""

    name: str
    state: str
    now: str
    longest_gap: str
    failed: int
    stretches: tuple[Stretch, ...]


def lane_views(operations: Iterable[Operation], calm: Mapping[str, float], now: float) -> tuple[LaneView, ...]:
    """Every lane of a recorder, `now` seconds after its run began."""
    own: dict[str, list[Operation]] = defaultdict(list)
    for one in operations:
        own[one.lane].append(one)
    return tuple(_view(name, own[name], longest, now) for name, longest in calm.items())


def _view(name: str, own: Sequence[Operation], calm: float, now: float) -> LaneView:
    found = summary(name, own, calm, now)
    marks = strip(own, calm, now, MARKS, BUCKET)
    longest = f"{found.longest_gap:.2f} s" if found.gaps else "none"
    state, words = _present(found)
    return LaneView(name, state, words, longest, found.failed + found.unknown, stretches(marks))


def _present(found: LaneSummary) -> tuple[str, str]:
    if found.gaps and not found.gaps[-1].closed:
        return "failing", f"silent {found.gaps[-1].seconds:.1f} s"
    if not found.operations:
        return "idle", "begins"
    return "served", f"{found.median * 1000:.0f} ms" if found.median else "answers"


def stretches(marks: Sequence[Mark]) -> tuple[Stretch, ...]:
    """A strip with equal neighbours as one; what was before the run is left out."""
    found, place = [], 0
    for mark, same in groupby(marks):
        length = len(list(same))
        if mark is not Mark.BEFORE:
            found.append(Stretch(NAMES[mark], place, length))
        place += length
    return tuple(found)

"""Runs side by side: each lane's gaps on one scale, and which run was without service for less time. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lab.watch.run import LaneSummary, Run
from lab.watch.timeline import longest_gap

NOISE = 0.05  # seconds of difference that say nothing
NARROWEST = 0.4


@dataclass(frozen=True)
class Bar:
    """A stretch of a band, in percent of the longest run."""

    start: float
    width: float


@dataclass(frozen=True)
class Cell:
    """One lane of one run: its band, the gaps in it, and words."""

    band: float
    gaps: tuple[Bar, ...]
    longest: str
    downtime: str
    failed: int


@dataclass(frozen=True)
class Row:
    """One lane of all runs; a cell is None where a run did not have it."""

    name: str
    cells: tuple[Cell | None, ...]
    says: str


def side_by_side(runs: Sequence[Run]) -> tuple[Row, ...]:
    """A row for each lane that any of the runs has."""
    scale = max((run.seconds for run in runs), default=0.0) or 1.0
    names = dict.fromkeys(lane.name for run in runs for lane in run.lanes)
    return tuple(_row(name, runs, scale) for name in names)


def _row(name: str, runs: Sequence[Run], scale: float) -> Row:
    lanes = [next((lane for lane in run.lanes if lane.name == name), None) for run in runs]
    cells = tuple(_cell(lane, run, scale) if lane else None for lane, run in zip(lanes, runs, strict=True))
    return Row(name, cells, _says(lanes))


def _cell(lane: LaneSummary, run: Run, scale: float) -> Cell:
    gaps = tuple(
        Bar(round(100 * gap.began / scale, 2), round(max(100 * gap.seconds / scale, NARROWEST), 2)) for gap in lane.gaps
    )
    downtime = f"{lane.downtime:.2f} s" if lane.gaps else "none"
    return Cell(round(100 * run.seconds / scale, 2), gaps, longest_gap(lane), downtime, lane.failed + lane.unknown)


def _says(lanes: Sequence[LaneSummary | None]) -> str:
    """In words, where there are two."""
    if len(lanes) != 2 or lanes[0] is None or lanes[1] is None:
        return ""
    difference = lanes[1].longest_gap - lanes[0].longest_gap
    if abs(difference) <= NOISE:
        return "the same"
    return f"{abs(difference):.2f} s {'longer' if difference > 0 else 'shorter'} on the right"

"""What one design made of the load and the fault, and all of them side by side. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table

from lab.compare.ledger import Account
from lab.watch.run import Run

#: Whose gaps are compared: the entrance, the database both ways, the queue, and all of it together.
LANES = ("catalog", "db write", "db read", "RPC", "boot")


@dataclass(frozen=True)
class Result:
    """One design's numbers."""

    design: str
    broken: tuple[str, ...]
    seconds: float
    longest_gaps: dict[str, float]  # by lane; 0 where there was none
    downtimes: dict[str, float]
    failed: int  # requests refused, or without an answer
    asked: int
    acknowledged: int
    gone: tuple[str, ...]
    left_behind: int | None  # transactions in the old primary's log that the new one has not; None: no such thing
    verdict: str
    reasons: tuple[str, ...]
    kept: str

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


def result(
    design: str, broken: Sequence[str], run: Run, account: Account, left_behind: int | None, kept: str
) -> Result:
    """One design's numbers, out of its run."""
    lanes = {lane.name: lane for lane in run.lanes}
    return Result(
        design=design,
        broken=tuple(broken),
        seconds=run.seconds,
        longest_gaps={name: lanes[name].longest_gap for name in LANES if name in lanes},
        downtimes={name: lanes[name].downtime for name in LANES if name in lanes},
        failed=sum(lane.failed + lane.unknown for lane in run.lanes),
        asked=sum(lane.operations for lane in run.lanes),
        acknowledged=account.acknowledged,
        gone=account.gone,
        left_behind=left_behind,
        verdict=run.judgement.ruling,
        reasons=run.judgement.reasons,
        kept=kept,
    )


def table(fault: str, results: Sequence[Result]) -> Table:
    """Side by side: a column for each design."""
    drawn = Table(
        title=f"{fault}, {results[0].seconds:.0f} s each", title_justify="left", box=None, padding=(0, 2, 0, 0)
    )
    drawn.add_column("")
    for one in results:
        drawn.add_column(one.design, justify="right")
    drawn.add_row("broken", *(", ".join(one.broken) for one in results))
    for name in LANES:
        drawn.add_row(f"{name}: longest gap", *(_seconds(one.longest_gaps.get(name, 0.0)) for one in results))
    for name in LANES:
        drawn.add_row(f"{name}: downtime", *(_seconds(one.downtimes.get(name, 0.0)) for one in results))
    drawn.add_row("requests failed", *(f"{one.failed} of {one.asked}" for one in results))
    drawn.add_row("rows acknowledged", *(str(one.acknowledged) for one in results))
    drawn.add_row("acknowledged, then gone", *(str(len(one.gone)) for one in results), style="bold")
    drawn.add_row(
        "left in the old primary's log", *("-" if one.left_behind is None else str(one.left_behind) for one in results)
    )
    drawn.add_row("verdict of the watch", *(one.verdict for one in results))
    return drawn


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value else "none"

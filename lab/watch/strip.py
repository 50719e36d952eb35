"""A lane's last minute as a strip of characters. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from enum import StrEnum

from lab.registers import Outcome
from lab.watch.run import Operation


class Mark(StrEnum):
    """One bucket of time; the shape alone says it, colour only repeats it."""

    SERVED = "█"
    MIXED = "▓"  # some were served, some not
    SILENT = "·"  # nothing ended, and no gap yet
    GAP = "✗"
    BEFORE = " "


def strip(operations: Iterable[Operation], calm: float, now: float, width: int, bucket: float) -> list[Mark]:
    """`width` marks, each for `bucket` seconds, the last one ends now. Times are seconds since the run began."""
    first = now - width * bucket
    served, failed = [0] * width, [0] * width
    successes = []
    for one in operations:
        if one.outcome is Outcome.OK:
            successes.append(one.ended)
        index = int((one.ended - first) / bucket)
        if 0 <= index < width:
            (served if one.outcome is Outcome.OK else failed)[index] += 1
    successes.sort()
    return [
        _mark(served[index], failed[index], first + index * bucket, first + (index + 1) * bucket, successes, calm)
        for index in range(width)
    ]


def _mark(served: int, failed: int, began: float, ended: float, successes: list[float], calm: float) -> Mark:
    if ended <= 0:
        return Mark.BEFORE
    if served:
        return Mark.MIXED if failed else Mark.SERVED
    before = bisect_left(successes, began)
    last = successes[before - 1] if before else 0.0
    after = successes[before] if before < len(successes) else ended
    return Mark.GAP if after - last > calm else Mark.SILENT

"""Sizes and tables as Ceph's tools print them. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
FACTORS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def size(number: float) -> str:
    """ "10 GiB", "1.5 MiB" """
    for unit in UNITS:
        if number < 1024 or unit == UNITS[-1]:
            return f"{number:.1f} {unit}".replace(".0 ", " ")
        number /= 1024
    raise AssertionError("unreachable")


def parse_size(text: str) -> int:
    """Bytes of "10G", "512M" or, as in rbd, of a plain number of mebibytes. Raises ValueError."""
    match = re.fullmatch(r"(\d+)([bkmgt]?)(?:i?b)?", text.strip().lower())
    if match is None:
        raise ValueError(f"{text!r} is no size: write 10G, 512M or 4096B")
    number, unit = match.groups()
    return int(number) * (FACTORS[unit] if unit else FACTORS["m"])


def table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns as wide as they must be; numbers to the right."""
    cells = [list(titles), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(titles))]
    to_right = [all(isinstance(row[column], int | float) for row in rows) for column in range(len(titles))]

    def line(row: Sequence[str]) -> str:
        pieces = zip(row, widths, to_right, strict=True)
        return "  ".join(cell.rjust(width) if right else cell.ljust(width) for cell, width, right in pieces).rstrip()

    return "\n".join(line(row) for row in cells)

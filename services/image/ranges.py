"""The `Range` header of a download. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.platform.faults import Fault

_FORM = re.compile(r"bytes=(\d{0,19})-(\d{0,19})", re.ASCII)


class RangeNotSatisfiable(Fault):
    status, title = 416, "Requested Range Not Satisfiable"

    def __init__(self, size: int) -> None:
        super().__init__("The requested range is not in the image.", headers={"Content-Range": f"bytes */{size}"})


@dataclass(frozen=True, slots=True)
class Span:
    """`length` bytes from `start`."""

    start: int
    length: int

    def content_range(self, size: int) -> str:
        return f"bytes {self.start}-{self.start + self.length - 1}/{size}"


def parse_range(header: str | None, size: int) -> Span | None:
    """The part of `size` bytes that was asked for; None for all of it. Raises RangeNotSatisfiable."""
    if not header:
        return None
    match = _FORM.fullmatch(header.strip())
    if match is None or match[1] == match[2] == "":
        raise RangeNotSatisfiable(size)
    if match[1] == "":
        length = min(int(match[2]), size)
        start, end = size - length, size
    else:
        start = int(match[1])
        end = min(int(match[2]) + 1, size) if match[2] else size
    if start >= end:
        raise RangeNotSatisfiable(size)
    return Span(start, end - start)

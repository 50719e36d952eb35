"""`limit` and `marker`, and the link to the next page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode

from services.platform.faults import BadRequest

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page:
    """What part of a list was asked for: at most `limit` items, those after the item with id `marker`."""

    limit: int
    marker: str | None

    @classmethod
    def parse(cls, limit: str | None, marker: str | None, *, highest: int = 1000, default: int | None = None) -> Page:
        """Raises BadRequest where `limit` is not a non-negative integer. A limit above `highest` means `highest`."""
        if limit is None or limit == "":
            return cls(default if default is not None else highest, marker or None)
        try:
            wanted = int(limit)
        except ValueError:
            raise BadRequest(
                f"Invalid input for field/attribute limit. Value: {limit}. It must be an integer."
            ) from None
        if wanted < 0:
            raise BadRequest(f"Invalid input for field/attribute limit. Value: {limit}. It must not be negative.")
        return cls(min(wanted, highest), marker or None)

    def split(self, found: Sequence[T]) -> tuple[Sequence[T], bool]:
        """From up to `limit + 1` found items: those of this page, and whether more follow."""
        return found[: self.limit], len(found) > self.limit


def next_link(url: str, query: str, last_id: str) -> str:
    """The address of the page after the item `last_id`: the request's own address with another marker."""
    pairs = [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if name != "marker"]
    return f"{url}?{urlencode([*pairs, ('marker', last_id)])}"


def flag(value: str | None, *, default: bool | None = False) -> bool | None:
    """A boolean as clients write it in a query (`True`, `1`, `yes`, `None`); anything else is a BadRequest."""
    if value is None or value == "":
        return default
    word = value.strip().lower()
    if word in ("true", "1", "t", "yes", "y", "on"):
        return True
    if word in ("false", "0", "f", "no", "n", "off"):
        return False
    if word == "none":
        return None
    raise BadRequest(f"Unrecognized value '{value}', acceptable values are true and false.")

"""What a list of images was asked to hold, and in which order: the query string, understood. Pure."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.image.access import VISIBILITIES
from services.platform.faults import BadRequest
from services.platform.pagination import Page, flag
from services.platform.times import parse_time

_LARGEST: Final = 2**63 - 1
DEFAULT_LIMIT: Final = 25
SORT_KEYS: Final = (
    "name", "status", "container_format", "disk_format", "size", "id", "created_at", "updated_at",
)  # fmt: skip
MEMBER_STATUSES: Final = ("pending", "accepted", "rejected")

#: Parameters that are no conditions on an image.
_OTHER: Final = frozenset({
    "limit", "marker", "sort", "sort_key", "sort_dir", "tag", "visibility", "member_status", "os_hidden",
})  # fmt: skip
_TEXT: Final = frozenset({"owner", "checksum", "os_hash_value", "os_hash_algo"})
_LISTED: Final = frozenset({"id", "name", "status", "container_format", "disk_format"})
_NUMBERS: Final = {
    "size": ("size", "eq"), "size_min": ("size", "gte"), "size_max": ("size", "lte"),
    "min_disk": ("min_disk", "eq"), "min_ram": ("min_ram", "eq"), "virtual_size": ("virtual_size", "eq"),
}  # fmt: skip
_TIMES: Final = frozenset({"created_at", "updated_at"})
_COMPARISONS: Final = ("gte", "gt", "lte", "lt", "neq", "eq")


@dataclass(frozen=True, slots=True)
class Condition:
    """`operator` is one of eq, neq, lt, lte, gt, gte, in; `custom` says that `name` is a custom property."""

    name: str
    operator: str
    value: Any
    custom: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    key: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """One request for a list."""

    page: Page
    order: tuple[Order, ...]
    conditions: tuple[Condition, ...] = ()
    tags: tuple[str, ...] = ()
    #: None: the default, everything but other projects' community images.
    visibility: str | None = None
    member_status: str = "accepted"
    os_hidden: bool = False


def parse(pairs: Sequence[tuple[str, str]]) -> Listing:
    """Understand a query string. Raises BadRequest."""
    last = dict(pairs)
    visibility = last.get("visibility")
    if visibility is not None and visibility not in (*VISIBILITIES, "all"):
        raise BadRequest(f"Invalid visibility value: {visibility}")
    member_status = last.get("member_status", "accepted")
    if member_status not in (*MEMBER_STATUSES, "all"):
        raise BadRequest(f"Invalid status value: {member_status}")
    return Listing(
        page=Page.parse(last.get("limit"), last.get("marker"), default=DEFAULT_LIMIT),
        order=parse_order(pairs),
        conditions=tuple(_condition(name, value) for name, value in last.items() if name not in _OTHER),
        tags=tuple(value for name, value in pairs if name == "tag"),
        visibility=visibility,
        member_status=member_status,
        os_hidden=bool(flag(last.get("os_hidden"))),
    )


def parse_order(pairs: Sequence[tuple[str, str]]) -> tuple[Order, ...]:
    """The order asked for by `sort`, or by `sort_key` and `sort_dir`, made total by creation time and id."""
    sort = next((value for name, value in reversed(pairs) if name == "sort"), None)
    keys = [value for name, value in pairs if name == "sort_key"]
    directions = [value for name, value in pairs if name == "sort_dir"]
    if sort is not None:
        if keys or directions:
            raise BadRequest("Old and new sorting syntax cannot be combined")
        parts = [part.strip().partition(":") for part in sort.split(",")]
        keys, directions = [key for key, _, _ in parts], [direction or "desc" for _, _, direction in parts]
    if len(directions) == 1:
        directions *= max(len(keys), 1)
    if directions and len(directions) != max(len(keys), 1):
        raise BadRequest("Number of sort dirs does not match the number of sort keys")
    descending = [_is_descending(direction) for direction in directions] or [True] * max(len(keys), 1)
    order = [Order(_sort_key(key), down) for key, down in zip(keys, descending, strict=False)]
    for key in ("created_at", "id"):
        if key not in {one.key for one in order}:
            order.append(Order(key, descending[-1]))
    if len({one.key for one in order}) != len(order):
        raise BadRequest("A sort key may be given once.")
    return tuple(order)


def _is_descending(direction: str) -> bool:
    if direction not in ("asc", "desc"):
        raise BadRequest(f"Invalid sort direction: {direction}. It must be one of the following: asc, desc.")
    return direction == "desc"


def _sort_key(key: str) -> str:
    if key not in SORT_KEYS:
        raise BadRequest(f"Invalid sort key: {key}. It must be one of the following: {', '.join(SORT_KEYS)}.")
    return key


def _condition(name: str, value: str) -> Condition:
    if name in _NUMBERS:
        column, operator = _NUMBERS[name]
        return Condition(column, operator, _number(name, value))
    if name in _TIMES:
        return _moment(name, value)
    if name in _LISTED:
        if value.startswith("in:"):
            return Condition(name, "in", _listed(name, value[3:]))
        return Condition(name, "eq", value.removeprefix("eq:"))
    if name in _TEXT:
        return Condition(name, "eq", value)
    if name == "protected":
        return Condition(name, "eq", bool(flag(value)))
    if name == "changes-since":
        raise BadRequest("The changes-since filter is no longer available on v2.")
    return Condition(name, "eq", value, custom=True)


def _number(name: str, value: str) -> int:
    try:
        number = int(value)
    except ValueError:
        raise BadRequest(f"{name} param must be an integer, not '{value}'") from None
    if not 0 <= number <= _LARGEST:
        raise BadRequest(f"{name} param must be between 0 and {_LARGEST}")
    return number


def _moment(name: str, value: str) -> Condition:
    operator, _, text = value.partition(":")
    if operator not in _COMPARISONS:
        operator, text = "eq", value
    try:
        return Condition(name, operator, parse_time(text))
    except (ValueError, OverflowError):
        raise BadRequest(f'Bad "{name}" query filter format. Use ISO 8601 DateTime notation.') from None


def _listed(name: str, text: str) -> tuple[str, ...]:
    """The values of `in:a,"b, c"`."""
    try:
        return tuple(next(csv.reader([text], strict=True, skipinitialspace=True), ()))
    except csv.Error:
        raise BadRequest(f"Invalid filter value {text} for {name}: a quote is not closed.") from None


#: Operators by name, for whoever applies a `Condition`.
OPERATORS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "eq": lambda left, right: left == right,
    "neq": lambda left, right: left != right,
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
    "in": lambda left, right: left.in_(right),
}

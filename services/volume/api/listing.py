"""Lists as Cinder has them: `limit`, `offset`, `marker`, `sort=key:dir,…`; filters by value, likeness, metadata."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Session

from services.platform.context import Context
from services.platform.faults import BadRequest
from services.platform.microversions import Microversion
from services.platform.pagination import Page, flag
from services.volume.api.body import MAX_INT

R = TypeVar("R", bound=DeclarativeBase)
Columns = Mapping[str, ColumnElement[Any] | InstrumentedAttribute[Any]]

_KEY = re.compile(r"^[a-zA-Z0-9\-_:. /]{1,255}$")


@dataclass(frozen=True, slots=True)
class Listing:
    """Which part of a list was asked for, in which order."""

    page: Page
    offset: int
    #: Sort keys, and whether descending.
    order: tuple[tuple[str, bool], ...]
    with_count: bool

    @classmethod
    def parse(cls, query: Mapping[str, str], version: Microversion) -> Listing:
        """Raises BadRequest."""
        page = Page.parse(query.get("limit"), query.get("marker"))
        counted = bool(flag(query.get("with_count"))) if version.minor >= 45 else False
        return cls(page, _offset(query.get("offset")), _order(query), counted)

    def select(
        self, session: Session, chosen: Select[R], columns: Columns, number: Any, find: Callable[[str], R]
    ) -> list[R]:
        """The rows of the page. `number` orders what is equal otherwise; `find` gives the marker's row, or raises."""
        if self.page.limit == 0:
            return []
        order = [(self._column(key, columns), descending) for key, descending in self.order]
        order.append((number, self.order[0][1]))
        if self.page.marker is not None:
            chosen = chosen.where(_after(session, find(self.page.marker), order))
        chosen = chosen.order_by(*(column.desc() if descending else column.asc() for column, descending in order))
        return list(session.scalars(chosen.limit(self.page.limit).offset(self.offset)))

    @staticmethod
    def _column(key: str, columns: Columns) -> Any:
        if key not in columns:
            raise BadRequest(f"Invalid input received: Sort key supplied is invalid: {key}")
        return columns[key]

    def count(self, session: Session, chosen: Select[Any]) -> dict[str, int]:
        """`count`, where it was asked for: of all that the filters leave, not of the page."""
        if not self.with_count:
            return {}
        return {"count": session.scalar(select(func.count()).select_from(chosen.subquery())) or 0}


def _offset(text: str | None) -> int:
    if not text:
        return 0
    if not text.isascii() or not text.isdigit() or int(text) > MAX_INT:
        raise BadRequest(f"Invalid input received: offset {text[:50]} must be an integer of at least 0.")
    return int(text)


def _order(query: Mapping[str, str]) -> tuple[tuple[str, bool], ...]:
    if "sort" in query and ("sort_key" in query or "sort_dir" in query):
        raise BadRequest(
            "The 'sort_key' and 'sort_dir' parameters are deprecated and cannot be used with the 'sort' parameter."
        )
    if "sort" in query:
        pairs = [part.partition(":") for part in query["sort"].strip().split(",")]
        wanted = [(key.strip(), direction.strip() or "desc") for key, _, direction in pairs]
    else:
        wanted = [(query.get("sort_key", "created_at").strip(), query.get("sort_dir", "desc").strip())]
    for _, direction in wanted:
        if direction not in ("asc", "desc"):
            raise BadRequest("Invalid input received: Unknown sort direction, must be 'desc' or 'asc'.")
    return tuple((key, direction == "desc") for key, direction in wanted)


def _after(session: Session, marker: DeclarativeBase, order: list[tuple[Any, bool]]) -> ColumnElement[bool]:
    """Rows after the marker's in this order."""
    mapper = type(marker).__mapper__
    key = mapper.primary_key[0]
    own = key == getattr(marker, mapper.get_property_by_column(key).key)
    values = session.execute(select(*(column for column, _ in order)).where(own)).one()
    alternatives: list[ColumnElement[bool]] = []
    equal: list[ColumnElement[bool]] = []
    for (column, descending), value in zip(order, values, strict=True):
        alternatives.append(and_(*equal, column < value if descending else column > value))
        equal.append(column == value)
    return or_(*alternatives)


def everyone(query: Mapping[str, str], context: Context) -> bool:
    """Whether an administrator asks for all projects. Others may say so too; they get their own all the same."""
    return context.is_admin and "all_tenants" in query and bool(flag(query["all_tenants"] or "1"))


def refuse_unknown(query: Mapping[str, str], known: frozenset[str], context: Context, version: Microversion) -> None:
    """From 3.31 on, filters that there are not are refused, except an administrator's; before, they are ignored."""
    if version.minor < 31 or context.is_admin:
        return
    unknown = [key for key in query if key.rstrip("~") not in known and key not in _NO_FILTERS]
    if unknown:
        raise BadRequest(f"Invalid filters {','.join(unknown)} are found in query options.")


_NO_FILTERS = frozenset(
    {"limit", "offset", "marker", "sort", "sort_key", "sort_dir", "with_count", "all_tenants", "project_id"}
)


def by_values(chosen: Select[R], query: Mapping[str, str], columns: Columns, version: Microversion) -> Select[R]:
    """Filters by equality, and from 3.31 on (`name~=part`) by likeness."""
    for key, column in columns.items():
        if key in query:
            chosen = chosen.where(column == query[key])
        if version.minor >= 31 and f"{key}~" in query:
            chosen = chosen.where(column.icontains(query[f"{key}~"], autoescape=True))
    return chosen


def by_metadata(chosen: Select[R], column: Any, text: str | None) -> Select[R]:
    """Filters by pairs, written as clients do: `{'key': 'value'}`."""
    if not text:
        return chosen
    for key, value in _pairs(text).items():
        if not _KEY.match(key):
            return chosen.where(false())
        chosen = chosen.where(column[key].as_string() == value)
    return chosen


def _pairs(text: str) -> dict[str, str]:
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadRequest("Invalid input received: metadata must be a dictionary of keys and values.")
    return {str(key): str(value) for key, value in found.items()}

"""Lists: filters from the query, `limit` and `marker`, links."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute
from starlette.responses import Response

from services.identity.api.common import Call
from services.platform.http import json_body
from services.platform.pagination import Page, next_link

R = TypeVar("R", bound=DeclarativeBase)

#: What may be asked of a list: query key to column.
Filters = Mapping[str, InstrumentedAttribute[Any]]

HIGHEST_LIMIT = 10_000

_COMPARISONS: dict[str, Callable[[InstrumentedAttribute[Any], str], ColumnElement[bool]]] = {
    "": lambda column, value: column == value,
    "contains": lambda column, value: column.contains(value, autoescape=True),
    "icontains": lambda column, value: column.icontains(value, autoescape=True),
    "startswith": lambda column, value: column.startswith(value, autoescape=True),
    "istartswith": lambda column, value: column.istartswith(value, autoescape=True),
    "endswith": lambda column, value: column.endswith(value, autoescape=True),
    "iendswith": lambda column, value: column.iendswith(value, autoescape=True),
}


def truth(value: str) -> bool:
    """A flag in a query as Keystone reads it: present is true, unless it says false."""
    return value.strip().lower() not in ("0", "false", "no", "off")


def filtered(call: Call, statement: Select[R], filters: Filters) -> Select[R]:
    """`statement` with the conditions that the query names; unknown keys are ignored."""
    for key, value in call.request.query_params.multi_items():
        name, _, comparison = key.partition("__")
        column = filters.get(name)
        compare = _COMPARISONS.get(comparison)
        if column is None or compare is None:
            continue
        if name == "enabled":
            statement = statement.where(column.is_(truth(value)))
        elif value == "" and comparison == "" and column.expression.nullable:
            statement = statement.where(column.is_(None))
        else:
            statement = statement.where(compare(column, value))
    return statement


def answer_list(
    call: Call,
    path: str,
    statement: Select[R],
    key: InstrumentedAttribute[str],
    render: Callable[[R], dict[str, Any]],
    keep: Callable[[R], bool] | None = None,
) -> Response:
    """The rows of `statement`, one page of them where the client asks for pages. `keep` filters what SQL cannot."""
    page = Page.parse(call.query("limit"), call.query("marker"), highest=HIGHEST_LIMIT)
    if page.marker is not None:
        statement = statement.where(key > page.marker)
    statement = statement.order_by(key)
    if keep is None:
        statement = statement.limit(page.limit + 1)
    rows = list(call.read(lambda session: session.scalars(statement).all()))
    if keep is not None:
        rows = [row for row in rows if keep(row)]
    shown, more = page.split(rows)
    last = getattr(shown[-1], key.key) if more and shown else None
    return list_body(call, path, [render(row) for row in shown], last)


def list_body(call: Call, path: str, items: list[dict[str, Any]], last_id: str | None = None) -> Response:
    """`path` is also where the list is; its last word names the items. `last_id`: of a page that is not the last."""
    url = call.url(path)
    following = next_link(url, call.request.url.query, last_id) if last_id is not None else None
    body: dict[str, Any] = {
        path.rsplit("/", 1)[-1]: items,
        "links": {"next": following, "self": url, "previous": None},
    }
    if last_id is not None:
        body["truncated"] = True
    return json_body(200, body)

"""The SQL of lists: two statements however long the list is (images; their tags)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, and_, exists, false, func, or_, select, true
from sqlalchemy.orm import Session

from services.image.documents import PLAIN, image_document
from services.image.filters import OPERATORS, Condition, Listing, Order
from services.image.models import Image, Member, Tag
from services.platform.faults import BadRequest

#: What stands in the order for an attribute that an image does not have.
_ABSENT: Final[dict[str, Any]] = {"name": "", "container_format": "", "disk_format": "", "size": -1}

_COLUMNS: Final = [
    getattr(Image, name) for name in (*PLAIN, "properties", "location", "created_at", "updated_at")
]  # fmt: skip


def list_images(
    session: Session, listing: Listing, project_id: str | None, *, is_admin: bool
) -> tuple[list[dict[str, Any]], bool]:
    """The documents of one page, and whether more follow."""
    query = select(*_COLUMNS).where(
        _visible(listing, project_id, is_admin=is_admin),
        Image.os_hidden == listing.os_hidden,
        *(_meets(condition) for condition in listing.conditions),
        *(_has_tag(tag) for tag in listing.tags),
    )
    if listing.page.marker is not None:
        query = query.where(_follows(_marker_values(session, listing), listing.order))
    rows = session.execute(_ordered(query, listing.order).limit(listing.page.limit + 1)).all()
    page, more = listing.page.split(rows)
    tags = _tags_of(session, [row.id for row in page])
    return [image_document(row, tags.get(row.id, ())) for row in page], more


def _visible(listing: Listing, project_id: str | None, *, is_admin: bool) -> ColumnElement[bool]:
    """As `access.may_see`, and less: lists hold what is shared only as far as the member wishes."""
    wanted = listing.visibility
    own = Image.owner == project_id if project_id is not None else false()
    if wanted is None:
        kind: ColumnElement[bool] = or_(Image.visibility != "community", own)
    else:
        kind = true() if wanted == "all" else Image.visibility == wanted
    if is_admin:
        return kind
    return and_(kind, or_(own, Image.visibility.in_(("public", "community")), _shared_with(project_id, listing)))


def _shared_with(project_id: str | None, listing: Listing) -> ColumnElement[bool]:
    if project_id is None:
        return false()
    shares = exists().where(Member.image_id == Image.id, Member.project_id == project_id)
    if listing.member_status != "all":
        shares = shares.where(Member.status == listing.member_status)
    return and_(Image.visibility == "shared", shares)


def _has_tag(tag: str) -> ColumnElement[bool]:
    return exists().where(Tag.image_id == Image.id, Tag.value == tag)


def _meets(condition: Condition) -> ColumnElement[bool]:
    column: Any
    if not condition.custom:
        column = getattr(Image, condition.name)
    elif any(mark in condition.name for mark in '"\\'):
        return false()  # cannot be spelt in a JSON path, on any engine alike
    else:
        column = Image.properties[condition.name].as_string()
    met: ColumnElement[bool] = OPERATORS[condition.operator](column, condition.value)
    return met


def _sort_column(key: str) -> ColumnElement[Any]:
    column: ColumnElement[Any] = getattr(Image, key).expression
    return func.coalesce(column, _ABSENT[key]) if key in _ABSENT else column


def _ordered(query: Select[Any], order: Sequence[Order]) -> Select[Any]:
    columns = [(_sort_column(one.key), one.descending) for one in order]
    return query.order_by(*(column.desc() if down else column.asc() for column, down in columns))


def _marker_values(session: Session, listing: Listing) -> Sequence[Any]:
    columns = [_sort_column(one.key) for one in listing.order]
    row: Row[Any] | None = session.execute(select(*columns).where(Image.id == listing.page.marker)).first()
    if row is None:
        raise BadRequest(f"Marker {listing.page.marker} could not be found.")
    return row


def _follows(values: Sequence[str | int | datetime], order: Sequence[Order]) -> ColumnElement[bool]:
    """Rows after the one with these values, in this order."""
    alternatives: list[ColumnElement[bool]] = []
    equal: list[ColumnElement[bool]] = []
    for one, value in zip(order, values, strict=True):
        column = _sort_column(one.key)
        alternatives.append(and_(*equal, column < value if one.descending else column > value))
        equal.append(column == value)
    return or_(*alternatives)


def _tags_of(session: Session, ids: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    if ids:
        query = select(Tag.image_id, Tag.value).where(Tag.image_id.in_(ids)).order_by(Tag.value)
        for image_id, value in session.execute(query):
            found.setdefault(image_id, []).append(value)
    return found

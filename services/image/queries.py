"""The SQL of lists: which images are on a page, in which order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, and_, exists, false, func, or_, select, true
from sqlalchemy.orm import Session

from services.image.filters import OPERATORS, Condition, Listing, Order
from services.image.models import Image, Member, Tag
from services.image.rendering import VERSION_COLUMNS, Version
from services.platform.faults import BadRequest

#: What stands in the order for an attribute that an image does not have.
_ABSENT: Final[dict[str, Any]] = {"name": "", "container_format": "", "disk_format": "", "size": -1}

# Tables, not mapped classes: lists are long and asked for often, and plain rows cost half.
_images: Final = Image.__table__.c
_tags: Final = Tag.__table__.c
_members: Final = Member.__table__.c


def list_versions(
    session: Session, listing: Listing, project_id: str | None, *, is_admin: bool
) -> tuple[Sequence[Version], bool]:
    """The images of one page, each in the version that it has now; and whether more follow."""
    query = _query(listing, project_id, is_admin)
    if listing.page.marker is not None:
        query = query.where(_follows(_marker_values(session, listing), listing.order))
    return listing.page.split([Version(*row) for row in session.execute(query)])


@lru_cache(maxsize=500)
def _query(listing: Listing, project_id: str | None, is_admin: bool) -> Select[Any]:
    """One page from its beginning. Kept, because the same lists are asked for again and again, and building the
    statement costs as much as running it."""
    query = select(*VERSION_COLUMNS).where(
        _visible(listing, project_id, is_admin=is_admin),
        _images.os_hidden == listing.os_hidden,
        *(_meets(condition) for condition in listing.conditions),
        *(_has_tag(tag) for tag in listing.tags),
    )
    return _ordered(query, listing.order).limit(listing.page.limit + 1)


def _visible(listing: Listing, project_id: str | None, *, is_admin: bool) -> ColumnElement[bool]:
    """As `access.may_see`, and less: lists hold what is shared only as far as the member wishes."""
    wanted = listing.visibility
    own = _images.owner == project_id if project_id is not None else false()
    if wanted is None:
        kind: ColumnElement[bool] = or_(_images.visibility != "community", own)
    else:
        kind = true() if wanted == "all" else _images.visibility == wanted
    if is_admin:
        return kind
    return and_(kind, or_(own, _images.visibility.in_(("public", "community")), _shared_with(project_id, listing)))


def _shared_with(project_id: str | None, listing: Listing) -> ColumnElement[bool]:
    if project_id is None:
        return false()
    shares = exists().where(_members.image_id == _images.id, _members.project_id == project_id)
    if listing.member_status != "all":
        shares = shares.where(_members.status == listing.member_status)
    return and_(_images.visibility == "shared", shares)


def _has_tag(tag: str) -> ColumnElement[bool]:
    return exists().where(_tags.image_id == _images.id, _tags.value == tag)


def _meets(condition: Condition) -> ColumnElement[bool]:
    column: Any
    if not condition.custom:
        column = _images[condition.name]
    elif any(mark in condition.name for mark in '"\\'):
        return false()  # cannot be spelt in a JSON path, on any engine alike
    else:
        column = _images.properties[condition.name].as_string()
    met: ColumnElement[bool] = OPERATORS[condition.operator](column, condition.value)
    return met


def _sort_column(key: str) -> ColumnElement[Any]:
    column: ColumnElement[Any] = _images[key]
    return func.coalesce(column, _ABSENT[key]) if key in _ABSENT else column


def _ordered(query: Select[Any], order: Sequence[Order]) -> Select[Any]:
    columns = [(_sort_column(one.key), one.descending) for one in order]
    return query.order_by(*(column.desc() if down else column.asc() for column, down in columns))


def _marker_values(session: Session, listing: Listing) -> Sequence[Any]:
    columns = [_sort_column(one.key) for one in listing.order]
    row: Row[Any] | None = session.execute(select(*columns).where(_images.id == listing.page.marker)).first()
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

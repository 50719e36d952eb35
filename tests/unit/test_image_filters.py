"""The query string of an image list."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.image.filters import SORT_KEYS, Condition, Order, parse, parse_order
from services.platform.faults import BadRequest


def test_nothing_asked() -> None:
    listing = parse([])
    assert (listing.page.limit, listing.page.marker, listing.visibility) == (25, None, None)
    assert (listing.conditions, listing.tags, listing.os_hidden) == ((), (), False)
    assert listing.member_status == "accepted"
    assert listing.order == (Order("created_at", True), Order("id", True))


@pytest.mark.parametrize(
    ("name", "value", "condition"),
    [
        ("size_min", "5", Condition("size", "gte", 5)),
        ("size_max", "5", Condition("size", "lte", 5)),
        ("name", "x", Condition("name", "eq", "x")),
        ("id", 'in:a,"b, c"', Condition("id", "in", ("a", "b, c"))),
        ("status", "in:", Condition("status", "in", ())),
        ("protected", "True", Condition("protected", "eq", True)),
        ("created_at", "gt:2026-01-02T03:04:05Z", Condition("created_at", "gt", datetime(2026, 1, 2, 3, 4, 5))),
        ("updated_at", "2026-01-02T03:04:05", Condition("updated_at", "eq", datetime(2026, 1, 2, 3, 4, 5))),
        ("os_distro", "in:x", Condition("os_distro", "eq", "in:x", custom=True)),
    ],
)
def test_conditions(name: str, value: str, condition: Condition) -> None:
    assert parse([(name, value)]).conditions == (condition,)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "x"), ("limit", "-1"), ("visibility", "secret"), ("member_status", "x"), ("size_min", "-1"),
        ("size_min", "1" * 30), ("size", "x"), ("created_at", "gt:yesterday"),
        ("created_at", "0001-01-01T00:00:00+14:00"),
        ("protected", "perhaps"), ("os_hidden", "perhaps"), ("sort", "name:up"), ("sort", "colour"), ("sort", ""),
        ("sort_key", "colour"), ("sort_dir", "up"), ("id", 'in:"a'), ("changes-since", "now"), ("sort", "name,name"),
    ],
)  # fmt: skip
def test_bad_values(name: str, value: str) -> None:
    with pytest.raises(BadRequest):
        parse([(name, value)])


def test_tags_add_up_and_of_others_the_last_counts() -> None:
    listing = parse([("tag", "a"), ("tag", "b"), ("name", "x"), ("name", "y")])
    assert listing.tags == ("a", "b")
    assert listing.conditions == (Condition("name", "eq", "y"),)


def test_order() -> None:
    wanted = (Order("name", False), Order("size", True), Order("created_at", True), Order("id", True))
    assert parse_order([("sort", "name:asc,size")]) == wanted
    keyed = [("sort_key", "name"), ("sort_key", "size"), ("sort_dir", "asc"), ("sort_dir", "desc")]
    assert parse_order(keyed) == wanted
    assert parse_order([("sort_dir", "asc")]) == (Order("created_at", False), Order("id", False))
    assert parse_order([("sort_key", "id"), ("sort_dir", "asc")]) == (Order("id", False), Order("created_at", False))
    with pytest.raises(BadRequest):
        parse_order([("sort", "name"), ("sort_dir", "asc")])
    with pytest.raises(BadRequest):
        parse_order([("sort_key", "name"), ("sort_dir", "asc"), ("sort_dir", "asc")])


_NAMES = st.sampled_from([*SORT_KEYS, "sort", "sort_key", "sort_dir", "tag", "limit", "marker", "visibility", "x"])


@given(st.lists(st.tuples(_NAMES, st.text(max_size=30)), max_size=6))
def test_any_query_is_understood_or_refused(pairs: list[tuple[str, str]]) -> None:
    try:
        listing = parse(pairs)
    except BadRequest:
        return
    keys = [order.key for order in listing.order]
    assert len(set(keys)) == len(keys)
    assert {"created_at", "id"} <= set(keys)

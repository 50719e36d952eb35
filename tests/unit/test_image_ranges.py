"""The Range header."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.image.ranges import RangeNotSatisfiable, Span, parse_range


@pytest.mark.parametrize(
    ("header", "span"),
    [
        (None, None),
        ("", None),
        ("bytes=0-9", Span(0, 10)),
        ("bytes=5-", Span(5, 95)),
        ("bytes=-5", Span(95, 5)),
        ("bytes=-500", Span(0, 100)),
        ("bytes=90-500", Span(90, 10)),
    ],
)
def test_ranges_of_a_hundred_bytes(header: str | None, span: Span | None) -> None:
    assert parse_range(header, 100) == span


@pytest.mark.parametrize(
    "header", ["bytes=100-", "bytes=9-5", "bytes=-0", "bytes=-", "x", "bytes=0-1,3-4", "lines=1-2"]
)
def test_ranges_that_are_not_there(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable) as caught:
        parse_range(header, 100)
    assert caught.value.status == 416
    assert caught.value.headers == {"Content-Range": "bytes */100"}


@given(st.text(max_size=20), st.text(max_size=20), st.integers(0, 1 << 50))
def test_a_span_lies_within(start: str, end: str, size: int) -> None:
    try:
        span = parse_range(f"bytes={start}-{end}", size)
    except RangeNotSatisfiable:
        return
    assert span is not None
    assert 0 <= span.start < span.start + span.length <= size

"""JSON that cannot be stored or sent back is refused at the door."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.platform.strict_json import DEEPEST, parse_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES, st.booleans())
def test_ordinary_json_comes_through(value: object, ascii_only: bool) -> None:
    assert parse_json(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": NaN}',
        b"[-Infinity]",
        b"[1e999]",
        b'"\\ud800"',
        b'{"\\udc00": 1}',
        b'"\xed\xa0\x80"',
        b'"\xff"',
        b"",
        b"{",
        b"[" * 100_000,
        b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1),
        b"9" * 5000,
    ],
)
def test_what_cannot_be_stored_or_sent_back_is_refused(body: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        parse_json(body)


def test_brackets_in_strings_do_not_count_and_quotes_may_be_escaped() -> None:
    text = json.dumps(["\\" + '"[{' * 100])
    assert parse_json(text.encode()) == json.loads(text)
    assert parse_json(b"[" * DEEPEST + b"]" * DEEPEST)

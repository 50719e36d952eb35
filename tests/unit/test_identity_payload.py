"""The compact form of tokens: what goes in comes out, and nothing else is believed."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.identity.payload import METHODS, MalformedPayload, Payload, audit_id_from

IDS = st.one_of(
    st.uuids().map(lambda value: value.hex),
    st.just("default"),
    st.text(max_size=60).filter(lambda text: len(text.encode()) < 255),
)
MOMENTS = st.integers(0, 2**63)
AUDITS = st.lists(st.binary(min_size=16, max_size=16).map(audit_id_from), min_size=1, max_size=2).map(tuple)

PAYLOADS = st.builds(
    Payload,
    user_id=IDS,
    methods=st.sets(st.sampled_from(METHODS)).map(lambda some: tuple(name for name in METHODS if name in some)),
    issued_at=MOMENTS,
    expires_at=MOMENTS,
    epoch=st.integers(0, 2**32 - 1),
    audit_ids=AUDITS,
    scope=st.sampled_from(("none", "project", "domain", "system")),
    scope_id=IDS,
    application_credential_id=IDS,
)


@given(PAYLOADS.filter(lambda payload: payload.user_id.isascii() or len(payload.user_id) < 30))
def test_a_payload_survives_packing(payload: Payload) -> None:
    assert Payload.unpack(payload.pack()) == payload


@given(st.binary(max_size=200))
def test_other_bytes_are_malformed_or_a_payload_but_nothing_else(data: bytes) -> None:
    with contextlib.suppress(MalformedPayload):
        Payload.unpack(data)


def test_a_payload_of_another_form_is_refused() -> None:
    payload = Payload("u" * 32, ("password",), 1, 2, 0, (audit_id_from(bytes(16)),))
    with pytest.raises(MalformedPayload):
        Payload.unpack(b"\x02" + payload.pack()[1:])


def test_a_project_scoped_payload_takes_less_than_80_bytes() -> None:
    payload = Payload("a" * 32, ("password",), 1, 2, 0, (audit_id_from(bytes(16)),), "project", "b" * 32)
    assert len(payload.pack()) < 80

"""Request keys, microversions, pages and the token cache."""

import uuid

import pytest

from services.platform.context import Access
from services.platform.faults import BadRequest, NotAcceptable
from services.platform.microversions import Microversion, MicroversionRange
from services.platform.pagination import Page, flag, next_link
from services.platform.request import RequestKey
from services.platform.tokens import TokenCache

SERVED = MicroversionRange("compute", "X-OpenStack-Nova-API-Version", Microversion(2, 1), Microversion(2, 90))


def test_a_repeated_request_derives_the_same_ids() -> None:
    key = str(uuid.uuid4())
    first, again, other = RequestKey.from_header(key), RequestKey.from_header(key), RequestKey.from_header(None)
    assert first.new_id("instance", 3) == again.new_id("instance", 3)
    assert first.request_id == f"req-{key}"
    ids = {first.new_id("instance", n) for n in range(20)} | {first.new_id("image"), other.new_id("instance")}
    assert len(ids) == 22


def test_a_key_that_is_no_uuid_is_replaced() -> None:
    assert RequestKey.from_header("../../etc").request_id.startswith("req-")


@pytest.mark.parametrize(
    ("headers", "spoken"),
    [
        ({}, "2.1"),
        ({"openstack-api-version": "compute 2.26"}, "2.26"),
        ({"openstack-api-version": "volume 3.5, compute 2.3"}, "2.3"),
        ({"openstack-api-version": "compute latest"}, "2.90"),
        ({"openstack-api-version": "volume 3.5"}, "2.1"),
        ({"x-openstack-nova-api-version": "2.10"}, "2.10"),
        ({"openstack-api-version": "compute 2.2", "x-openstack-nova-api-version": "2.10"}, "2.2"),
    ],
)
def test_negotiation(headers: dict[str, str], spoken: str) -> None:
    assert str(SERVED.negotiate(headers)) == spoken


def test_versions_that_are_not_served_or_not_versions() -> None:
    with pytest.raises(NotAcceptable):
        SERVED.negotiate({"openstack-api-version": "compute 2.500"})
    for bad in ("2", "2.01", "two", "2.1.1", "-2.1"):
        with pytest.raises(BadRequest):
            SERVED.negotiate({"openstack-api-version": f"compute {bad}"})


def test_pages() -> None:
    assert Page.parse(None, None).limit == 1000
    assert Page.parse("5000", "m") == Page(1000, "m")
    assert Page.parse("0", None).split([1]) == ([], True)
    for bad in ("-1", "x", "1.5"):
        with pytest.raises(BadRequest):
            Page.parse(bad, None)
    assert next_link("http://h/v", "limit=2&marker=a&x=%2F", "b") == "http://h/v?limit=2&x=%2F&marker=b"


def test_flags_as_clients_write_them() -> None:
    assert [flag(text) for text in ("True", "1", "yes", "False", "0", "None", None)] == [
        True, True, True, False, False, None, False,
    ]  # fmt: skip
    with pytest.raises(BadRequest):
        flag("perhaps")


def access(expires_at: float) -> Access:
    return Access("u", "n", "d", "p", "pn", "d", None, False, frozenset({"member"}), expires_at)


def test_a_token_is_believed_briefly_remembered_until_it_expires() -> None:
    now = [100.0]
    cache = TokenCache(fresh_seconds=3, clock=lambda: now[0])
    cache.put("t", access(expires_at=200))
    assert cache.fresh("t") is not None
    now[0] = 104
    assert cache.fresh("t") is None
    assert cache.last_known("t") is not None
    now[0] = 200
    assert cache.last_known("t") is None


def test_the_cache_is_bounded() -> None:
    cache = TokenCache(fresh_seconds=3, size=2, clock=lambda: 0)
    for name in "abc":
        cache.put(name, access(10))
    assert [cache.fresh(name) is not None for name in "abc"] == [False, True, True]

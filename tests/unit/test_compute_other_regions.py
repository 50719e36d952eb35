"""Which addresses the other regions' volume services have."""

from typing import Any

from services.compute.other_regions import OtherRegions, volume_services


def endpoint(region: str | None, interface: str, url: str) -> dict[str, Any]:
    return {"region_id": region, "interface": interface, "url": url}


CATALOG = [
    {"type": "block-storage", "endpoints": [
        endpoint("one", "internal", "http://one"), endpoint("two", "public", "http://two.example/"),
        endpoint("two", "internal", "http://two/"), endpoint("three", "public", "http://three.example"),
        endpoint("four", "admin", "http://four"), endpoint(None, "internal", "http://nowhere"),
    ]},
    {"type": "compute", "endpoints": [endpoint("two", "internal", "http://compute")]},
]  # fmt: skip


def test_each_other_region_once_by_the_internal_interface() -> None:
    assert volume_services(CATALOG, "one") == {"two": "http://two", "three": "http://three.example"}


def test_where_nobody_answers_nobody_has_it() -> None:
    assert OtherRegions("http://127.0.0.1:1", "one").find_volume("x", "token") is None

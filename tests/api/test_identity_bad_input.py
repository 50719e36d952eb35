"""What nobody should send: answered with a 4xx that says why, or taken as it is; never a 500 (`Api` looks)."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Cloud
from identity_fixture import Api, unique
from openstack.connection import Connection

CREATE = [
    ("/domains", "domain"), ("/projects", "project"), ("/users", "user"), ("/groups", "group"), ("/roles", "role"),
    ("/services", "service"), ("/endpoints", "endpoint"),
]  # fmt: skip


@pytest.fixture(scope="module")
def api(cloud: Cloud, admin: Connection) -> Api:
    return Api(cloud.root, admin.auth_token)


@pytest.mark.parametrize(("path", "one"), CREATE)
@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "text",
        5,
        {"name": None},
        {"name": 5},
        {"name": ""},
        {"name": "  "},
        {"name": "x" * 300},
        {"name": []},
        {},
    ],
    ids=repr,
)
def test_wrong_types_and_lengths(api: Api, path: str, one: str, value: Any) -> None:
    assert api.call("POST", path, {one: value}).status_code == 400


@pytest.mark.parametrize(("path", "one"), CREATE)
def test_bodies_without_the_resource(api: Api, path: str, one: str) -> None:
    for body in ({}, [], "x", None, {f"{one}s": {}}):
        assert api.call("POST", path, body).status_code == 400


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"user": {"name": "\\ud800"}}',
        b'{"user": {"name": "a", "x": "\\udfff"}}',
        b'{"user": {"name": "a", "x": NaN}}',
        b'{"user": {"name": "a", "x": 1e999}}',
        b'{"user": {"name": "a", "x": ' + b"9" * 5000 + b"}}",
        b'{"user": {"name": "a", "x": ' + b"[" * 5000 + b"]" * 5000 + b"}}",
        b'{"user": {"name": "a", "x": ' + b"[" * 30 + b"]" * 30 + b"}}",
        b'{"user": {"name": "a", "enabled": "True"}}',
        b'{"user": {"name": "a", "options": {"unknown": true}}}',
        b'{"user": {"name": "a", "options": {"lock_password": 5}}}',
    ],
)
def test_json_that_is_none_or_too_much(api: Api, raw: bytes) -> None:
    assert api.call("POST", "/users", raw=raw).status_code == 400


def test_a_body_that_is_too_large(api: Api) -> None:
    assert api.call("POST", "/users", {"user": {"name": "a", "x": "y" * 200_000}}).status_code == 413


@pytest.mark.parametrize(
    "name", ["nul\x00in it", "Ünïcode", "日本語", "🔑", "a'b\"c\\d;--", "%s%d{}", "../..", "x\n y"]
)
def test_names_of_any_letters(api: Api, name: str) -> None:
    name = f"{unique('n')} {name}"
    made = api.ok("POST", "/users", {"user": {"name": name, "note": name}}, 201)["user"]
    assert (made["name"], made["note"]) == (name, name)
    assert api.ok("GET", f"/users/{made['id']}")["user"] == made
    api.ok("DELETE", f"/users/{made['id']}", status=204)


@pytest.mark.parametrize("key", ["%00", "%ff", "%F0%9F%94%91", "'", "a%20b", "x" * 500, "-1", "null"])
@pytest.mark.parametrize(
    "many", ["users", "projects", "domains", "groups", "roles", "services", "endpoints", "regions"]
)
def test_ids_of_any_kind_are_not_found(api: Api, many: str, key: str) -> None:
    for method in ("GET", "DELETE", "HEAD"):
        assert api.call(method, f"/{many}/{key}").status_code == 404


@pytest.mark.parametrize(
    "query",
    ["limit=" + "9" * 5000, "limit=1e3", "limit=0", "marker=%00", "name=%ff", "enabled=maybe", "x=1&x=2", "&&=&"],
)
def test_queries_of_any_kind(api: Api, query: str) -> None:
    assert api.get(f"/users?{query}").status_code in (200, 400)


def test_attributes_that_cannot_be_changed(api: Api) -> None:
    user = api.ok("POST", "/users", {"user": {"name": unique("u"), "id": "mine", "links": 5}}, 201)["user"]
    assert user["id"] != "mine"
    assert isinstance(user["links"], dict)
    assert api.call("PATCH", f"/users/{user['id']}", {"user": {"domain_id": "other"}}).status_code == 400
    api.ok("DELETE", f"/users/{user['id']}", status=204)
    assert api.call("POST", "/users", {"user": {"name": "x", "domain_id": "nowhere"}}).status_code == 404


def test_ways_and_methods_that_are_not_served(api: Api) -> None:
    assert api.get("/nope").status_code == 404
    assert api.call("PUT", "/users").status_code == 405
    assert api.get("/users/").status_code == 200
    assert api.call("DELETE", "/users/").status_code == 405

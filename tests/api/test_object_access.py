"""Who may do what: roles, access lists, temporary URLs, tokens that have ended."""

from __future__ import annotations

import time

import pytest
from conftest import Cloud
from object_client import Objects, eventually, objects_of
from swiftclient.utils import generate_temp_url


@pytest.fixture(scope="module")
def mine(cloud: Cloud) -> Objects:
    return objects_of(cloud)


@pytest.fixture(scope="module")
def other(cloud: Cloud) -> Objects:
    return objects_of(cloud)


def test_without_a_token_and_with_somebody_elses(mine: Objects, other: Objects) -> None:
    box = mine.new_container()
    assert mine.request("GET", f"/{box}", token="").status == 401
    assert mine.request("GET", f"/{box}", token="made-up").status == 401
    assert mine.request("GET", f"/{box}", token=other.person.auth_token).status == 403
    assert mine.request("PUT", f"/{box}/x", token=other.person.auth_token).status == 403


def test_a_reader_reads_only(cloud: Cloud) -> None:
    reader = objects_of(cloud, role="reader")
    assert reader.request("GET", "").status in {200, 204}
    assert reader.request("PUT", "/new").status == 403


def test_a_reseller_administrator_may_enter_every_account(cloud: Cloud, mine: Objects) -> None:
    reseller = cloud.new_user("ResellerAdmin")
    assert mine.request("PUT", "/made-by-reseller", token=reseller.auth_token).status == 201
    assert "made-by-reseller" in [each["name"] for each in mine.client.get_account()[1]]


def test_access_lists_count_at_once_through_every_proxy(mine: Objects, other: Objects) -> None:
    box, project = mine.new_container(), other.person.current_project_id
    mine.client.put_object(box, "o", b"x")
    for _ in range(3):
        assert mine.request("GET", f"/{box}/o", token=other.person.auth_token).status == 403
    mine.client.post_container(box, {"X-Container-Read": f"{project}:*", "X-Container-Write": f"{project}:*"})
    for number in range(6):
        assert mine.request("GET", f"/{box}/o", token=other.person.auth_token).status == 200
        assert mine.request("PUT", f"/{box}/n{number}", token=other.person.auth_token).status == 201
    mine.client.post_container(box, {"X-Container-Read": "", "X-Container-Write": ""})
    for _ in range(6):
        assert mine.request("GET", f"/{box}/o", token=other.person.auth_token).status == 403


def test_everybody_may_read_what_is_for_everybody(mine: Objects) -> None:
    box = mine.new_container(x_container_read=".r:*,.rlistings")
    mine.client.put_object(box, "page", b"hello")
    assert mine.request("GET", f"/{box}/page", token="").data == b"hello"
    assert mine.request("GET", f"/{box}", token="").status == 200
    assert mine.request("PUT", f"/{box}/page", token="").status == 401


@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha512"])
def test_a_temporary_url_for_one_method_until_its_time(mine: Objects, digest: str) -> None:
    box = mine.new_container()
    mine.client.put_object(box, "o", b"secret")
    mine.client.post_account({"X-Account-Meta-Temp-URL-Key": "key"})
    account = mine.url.split("/v1/")[1]
    path = f"/v1/{account}/{box}/o"

    def at(signed: str) -> str:
        return signed.removeprefix(f"/v1/{account}")

    good = at(generate_temp_url(path, 60, "key", "GET", digest=digest))
    assert mine.request("GET", good, token="").data == b"secret"
    assert mine.request("PUT", good, b"no", token="").status == 401
    assert mine.request("GET", at(generate_temp_url(path, 60, "wrong", "GET", digest=digest)), token="").status == 401
    late = generate_temp_url(path, int(time.time()) - 1, "key", "GET", absolute=True, digest=digest)
    assert mine.request("GET", at(late), token="").status == 401
    writing = at(generate_temp_url(path, 60, "key", "PUT", digest=digest))
    assert mine.request("PUT", writing, b"new", token="").status == 201
    assert mine.client.get_object(box, "o")[1] == b"new"


def test_a_revoked_token_ends_within_seconds(cloud: Cloud, mine: Objects) -> None:
    doomed = cloud.new_user()
    account = objects_of(cloud, doomed)
    token = account.person.auth_token
    assert account.request("GET", "", token=token).status in {200, 204}
    cloud.connect().identity.delete("/auth/tokens", headers={"X-Subject-Token": token})
    eventually(lambda: account.request("GET", "", token=token).status == 401, 12)


def test_a_deleted_account_is_emptied(cloud: Cloud) -> None:
    leaving, reseller = objects_of(cloud), cloud.new_user("ResellerAdmin")
    box = leaving.new_container()
    leaving.client.put_object(box, "left-behind", b"x")
    assert leaving.request("DELETE", "", token=reseller.auth_token).status == 204
    eventually(lambda: leaving.request("GET", f"/{box}/left-behind").status in {404, 410}, 60)

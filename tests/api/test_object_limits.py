"""Quotas, and objects with an end."""

from __future__ import annotations

import time

import pytest
from conftest import Cloud
from object_client import Objects, eventually, objects_of


@pytest.fixture(scope="module")
def mine(cloud: Cloud) -> Objects:
    return objects_of(cloud)


def test_a_container_takes_no_more_than_its_quota(mine: Objects) -> None:
    box = mine.new_container(x_container_meta_quota_bytes="100", x_container_meta_quota_count="2")
    assert mine.request("PUT", f"/{box}/large", b"x" * 101).status == 413
    assert mine.request("PUT", f"/{box}/one", b"x" * 10).status == 201
    assert mine.request("PUT", f"/{box}/two", b"x" * 10).status == 201
    assert mine.request("PUT", f"/{box}/three", b"x").status == 413


def test_an_account_takes_no_more_than_a_reseller_says(cloud: Cloud) -> None:
    account, reseller = objects_of(cloud), cloud.new_user("ResellerAdmin")
    box = account.new_container()
    assert account.request("POST", "", X_Account_Meta_Quota_Bytes="1000").status == 403
    answer = account.request("POST", "", token=reseller.auth_token, X_Account_Meta_Quota_Bytes="1000")
    assert answer.status == 204
    assert account.request("PUT", f"/{box}/large", b"x" * 1001).status == 413
    assert account.request("PUT", f"/{box}/small", b"x" * 900).status == 201
    # the account learns from its containers in a while
    eventually(lambda: account.request("PUT", f"/{box}/more", b"x" * 200).status == 413, 30)


def test_an_object_goes_when_its_time_has_come(mine: Objects) -> None:
    box = mine.new_container()
    mine.client.put_object(box, "brief", b"x", headers={"X-Delete-After": "2"})
    mine.client.put_object(box, "lasting", b"x", headers={"X-Delete-At": str(int(time.time()) + 3600)})
    assert mine.client.get_object(box, "brief")[1] == b"x"
    eventually(lambda: mine.request("GET", f"/{box}/brief").status == 404, 5)
    eventually(lambda: mine.names(box) == ["lasting"], 25)
    assert mine.client.get_object(box, "lasting")[1] == b"x"

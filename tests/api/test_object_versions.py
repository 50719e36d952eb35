"""What an object was before: the two old ways and the new one."""

from __future__ import annotations

import json

import pytest
from conftest import Cloud
from object_client import Objects, objects_of


@pytest.fixture(scope="module")
def mine(cloud: Cloud) -> Objects:
    return objects_of(cloud)


def test_a_stack_of_versions(mine: Objects) -> None:
    old = mine.new_container()
    box = mine.new_container(x_versions_location=old)
    for word in (b"one", b"two", b"three"):
        mine.client.put_object(box, "o", word)
    assert len(mine.names(old)) == 2
    mine.client.delete_object(box, "o")
    assert mine.client.get_object(box, "o")[1] == b"two"
    mine.client.delete_object(box, "o")
    assert mine.client.get_object(box, "o")[1] == b"one"


def test_a_history_of_versions(mine: Objects) -> None:
    old = mine.new_container()
    box = mine.new_container(x_history_location=old)
    for word in (b"one", b"two"):
        mine.client.put_object(box, "o", word)
    mine.client.delete_object(box, "o")
    assert mine.request("GET", f"/{box}/o").status == 404
    kept = [mine.client.get_object(old, name)[1] for name in mine.names(old)]
    assert kept[:2] == [b"one", b"two"]
    assert len(kept) == 3  # and a mark that it was deleted


def test_versions_by_their_ids(mine: Objects) -> None:
    box = mine.new_container(x_versions_enabled="true")
    ids = []
    for word in (b"one", b"two"):
        ids.append(mine.request("PUT", f"/{box}/o", word).headers["X-Object-Version-Id"])
    assert mine.request("GET", f"/{box}/o?version-id={ids[0]}").data == b"one"
    mine.client.delete_object(box, "o")
    assert mine.request("GET", f"/{box}/o").status == 404
    listed = json.loads(mine.request("GET", f"/{box}?versions&format=json").data)
    assert [entry["version_id"] for entry in listed][1:] == ids[::-1]
    assert listed[0]["content_type"].startswith("application/x-deleted")
    assert mine.request("DELETE", f"/{box}/o?version-id={ids[1]}").status == 204
    assert mine.request("GET", f"/{box}/o?version-id={ids[1]}").status == 404

"""Objects in and out: whole, in segments, many at once, with metadata."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

import pytest
from conftest import Cloud
from object_client import Objects, objects_of
from swiftclient.exceptions import ClientException

MIB = 1 << 20


@pytest.fixture(scope="module")
def mine(cloud: Cloud) -> Objects:
    return objects_of(cloud)


def test_what_was_put_is_got_and_listed(mine: Objects) -> None:
    box, data = mine.new_container(), os.urandom(3 * MIB)
    etag = mine.client.put_object(box, "a/b.bin", data, content_type="application/x-b")
    assert etag == hashlib.md5(data).hexdigest()
    headers, body = mine.client.get_object(box, "a/b.bin")
    assert (body, headers["content-type"]) == (data, "application/x-b")
    assert mine.client.get_object(box, "a/b.bin", headers={"Range": "bytes=5-9"})[1] == data[5:10]
    assert mine.names(box) == ["a/b.bin"]
    mine.client.delete_object(box, "a/b.bin")
    assert mine.names(box) == []
    with pytest.raises(ClientException) as refused:
        mine.client.get_object(box, "a/b.bin")
    assert refused.value.http_status == 404


def test_the_sdk_works(mine: Objects) -> None:
    sdk = mine.person.object_store
    box = sdk.create_container(name=mine.new_container()).name
    sdk.upload_object(container=box, name="words", data=b"some words")
    assert sdk.download_object("words", container=box) == b"some words"
    assert [each.name for each in sdk.objects(box)] == ["words"]


def test_metadata_of_account_container_and_object(mine: Objects) -> None:
    box = mine.new_container(x_container_meta_shelf="3")
    mine.client.put_object(box, "book", b"x", headers={"X-Object-Meta-Author": "me"})
    mine.client.post_account({"X-Account-Meta-Room": "7"})
    mine.client.post_object(box, "book", {"X-Object-Meta-Author": "you"})
    assert mine.client.head_account()["x-account-meta-room"] == "7"
    assert mine.client.head_container(box)["x-container-meta-shelf"] == "3"
    assert mine.client.head_object(box, "book")["x-object-meta-author"] == "you"
    mine.client.post_container(box, {"X-Remove-Container-Meta-Shelf": "x"})
    assert "x-container-meta-shelf" not in mine.client.head_container(box)


def test_fifty_headers_of_an_object_pass_the_load_balancer(mine: Objects) -> None:
    box = mine.new_container()
    many = {f"X-Object-Meta-N{number}": str(number) for number in range(50)}
    mine.client.put_object(box, "decorated", b"x", headers=many)
    seen = mine.client.head_object(box, "decorated")
    assert {key: seen[key.lower()] for key in many} == many


def test_metadata_that_no_disk_can_keep_is_refused_and_harms_nobody(mine: Objects) -> None:
    box = mine.new_container()
    large = {f"X-Object-Meta-N{number}": "x" * 250 for number in range(14)}
    for method in ("PUT", "POST"):
        mine.client.put_object(box, "o", b"x")
        answer = mine.request(method, f"/{box}/o", b"", **large)
        assert (answer.status, b"metadata" in answer.data) == (400, True)
        assert mine.request("PUT", f"/{box}/o", b"", Content_Disposition="x" * 4000).status == 400
    assert mine.client.get_object(box, "o")[1] == b"x"


def test_an_upload_may_ask_first(mine: Objects) -> None:
    box = mine.new_container()
    answer = mine.request("PUT", f"/{box}/asked", b"y" * MIB, Expect="100-continue")
    assert answer.status == 201
    assert mine.client.head_object(box, "asked")["content-length"] == str(MIB)


def test_a_stream_of_unknown_length(mine: Objects) -> None:
    box = mine.new_container()
    mine.client.put_object(box, "stream", io.BytesIO(b"z" * MIB), chunk_size=65536)
    assert mine.client.head_object(box, "stream")["content-length"] == str(MIB)


def test_a_copy_on_the_server(mine: Objects) -> None:
    one, two = mine.new_container(), mine.new_container()
    mine.client.put_object(one, "original", b"same", headers={"X-Object-Meta-Kept": "yes"})
    mine.client.copy_object(one, "original", f"/{two}/copy")
    headers, body = mine.client.get_object(two, "copy")
    assert (body, headers["x-object-meta-kept"]) == (b"same", "yes")


@pytest.mark.parametrize("kind", ["static", "dynamic"])
def test_a_large_object_by_the_swift_command(mine: Objects, tmp_path: Path, kind: str) -> None:
    box, data = mine.new_container(), os.urandom(3 * MIB + 17)
    (tmp_path / "large").write_bytes(data)
    words = ["--use-slo"] if kind == "static" else ["--use-dlo"] if "--use-dlo" in _help(mine, tmp_path) else []
    mine.swift("upload", *words, "-S", str(MIB), box, "large", cwd=tmp_path)
    headers, body = mine.client.get_object(box, "large")
    assert body == data
    assert ("x-static-large-object" if kind == "static" else "x-object-manifest") in headers
    mine.swift("download", box, "large", "-o", "again", cwd=tmp_path)
    assert (tmp_path / "again").read_bytes() == data
    mine.swift("delete", box, "large", cwd=tmp_path)
    assert mine.names(f"{box}_segments") == []


def _help(mine: Objects, cwd: Path) -> str:
    return mine.swift("upload", "--help", cwd=cwd)


def test_an_archive_is_taken_apart_and_many_are_deleted(mine: Objects) -> None:
    box, packed = mine.new_container(), io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for number in range(5):
            entry = tarfile.TarInfo(f"file-{number}")
            entry.size = 3
            archive.addfile(entry, io.BytesIO(b"abc"))
    answer = mine.request("PUT", f"/{box}?extract-archive=tar.gz", packed.getvalue(), Accept="application/json")
    assert json.loads(answer.data)["Number Files Created"] == 5
    assert mine.names(box) == [f"file-{number}" for number in range(5)]
    listed = "\n".join(f"{box}/file-{number}" for number in range(4)).encode()
    answer = mine.request(
        "POST", "?bulk-delete", listed, Accept="application/json", Content_Type="text/plain"
    )  # fmt: skip
    assert json.loads(answer.data)["Number Deleted"] == 4
    assert mine.names(box) == ["file-4"]

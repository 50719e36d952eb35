"""Image data: in, out, and what becomes of it when somebody dies on the way."""

import hashlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from image_fixture import Replica, replica, wait_for

OCTETS = {"Content-Type": "application/octet-stream"}
LIMIT = 300 << 20


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("image")


@pytest.fixture(scope="module")
def images(data_dir: Path) -> Iterator[Replica]:
    with _replica(data_dir) as running:
        yield running


@pytest.fixture
def member(images: Replica) -> Iterator[httpx2.Client]:
    with images.client("member-p") as client:
        yield client


def _replica(directory: Path) -> Any:
    fast = {"upload_lease_seconds": 1.5, "sweep_seconds": 0.2, "sweep_grace_seconds": 0, "image_size_limit": LIMIT}
    return replica(directory, **fast)


def create(client: httpx2.Client, **values: Any) -> str:
    answer = client.post("/v2/images", json={"disk_format": "raw", "container_format": "bare", **values})
    assert answer.status_code == 201, answer.text
    return f"/v2/images/{answer.json()['id']}"


def files(data_dir: Path) -> list[str]:
    return os.listdir(data_dir / "images")


def test_data_comes_back_as_it_was(member: httpx2.Client, data_dir: Path) -> None:
    path, content = create(member), os.urandom(5_000_000)
    assert member.get(f"{path}/file").status_code == 204
    assert member.put(f"{path}/file", content=content, headers=OCTETS).status_code == 204
    image = member.get(path).json()
    assert (image["status"], image["size"], image["os_hash_algo"]) == ("active", len(content), "sha512")
    assert image["checksum"] == hashlib.md5(content).hexdigest()
    assert image["os_hash_value"] == hashlib.sha512(content).hexdigest()
    answer = member.get(f"{path}/file")
    assert (answer.status_code, answer.headers["Content-MD5"]) == (200, image["checksum"])
    assert answer.content == content
    part = member.get(f"{path}/file", headers={"Range": "bytes=1000000-4000000"})
    assert (part.status_code, part.content) == (206, content[1_000_000:4_000_001])
    assert part.headers["Content-Range"] == "bytes 1000000-4000000/5000000"
    assert member.get(f"{path}/file", headers={"Range": "bytes=5000000-"}).status_code == 416
    assert member.put(f"{path}/file", content=b"again", headers=OCTETS).status_code == 409
    assert member.get(f"{path}/file").content == content
    assert member.delete(path).status_code == 204
    assert member.get(f"{path}/file").status_code == 404
    wait_for(lambda: not [name for name in files(data_dir) if name.startswith(image["id"])], "its data is gone", 1)


def test_small_and_chunked_data(member: httpx2.Client) -> None:
    for content in (b"", b"x", b"xy" * 1000):
        path = create(member)
        assert member.put(f"{path}/file", content=iter([content[:1], content[1:]]), headers=OCTETS).status_code == 204
        assert member.get(path).json()["size"] == len(content)
        assert member.get(f"{path}/file").content == content


def test_uploads_that_are_refused_leave_the_image_queued(images: Replica, member: httpx2.Client) -> None:
    path = create(member)
    url = f"{path}/file"
    assert member.put(url, content=b"x").status_code == 415
    assert member.put(url, content=b"xyz", headers={**OCTETS, "X-OpenStack-Image-Size": "5"}).status_code == 400
    assert member.put(url, content=iter([b"xyz"]), headers={**OCTETS, "X-OpenStack-Image-Size": "5"}).status_code == 400
    with images.client("member-other") as stranger, images.client("reader-p") as reader:
        assert stranger.put(url, content=b"x", headers=OCTETS).status_code == 404
        assert reader.put(url, content=b"x", headers=OCTETS).status_code == 403
    assert member.get(path).json()["status"] == "queued"
    unformed = f"/v2/images/{member.post('/v2/images', json={}).json()['id']}"
    assert member.put(f"{unformed}/file", content=b"x", headers=OCTETS).status_code == 400
    assert member.put("/v2/images/none/file", content=b"x", headers=OCTETS).status_code == 404


def test_more_than_the_limit(member: httpx2.Client, data_dir: Path) -> None:
    path = create(member)
    assert member.put(f"{path}/file", content=zeros(LIMIT + 1), headers=OCTETS).status_code == 413
    image = member.get(path).json()
    assert (image["status"], image["size"]) == ("queued", None)
    assert not [name for name in files(data_dir) if name.startswith(image["id"])]


def test_memory_does_not_grow_with_the_image(tmp_path: Path) -> None:
    with replica(tmp_path) as running, running.client("member-p") as member:
        peaks = []
        for size in (16 << 20, 256 << 20):
            path = create(member)
            assert member.put(f"{path}/file", content=zeros(size), headers=OCTETS).status_code == 204
            with member.stream("GET", f"{path}/file") as answer:
                assert sum(len(piece) for piece in answer.iter_bytes(1 << 20)) == size
            peaks.append(running.peak_memory())
    assert peaks[1] - peaks[0] < 16 << 20


def test_deactivated_images(images: Replica, member: httpx2.Client) -> None:
    path = create(member)
    assert member.post(f"{path}/actions/deactivate").status_code == 403
    member.put(f"{path}/file", content=b"data", headers=OCTETS)
    for action, status, download in (("deactivate", "deactivated", 403), ("reactivate", "active", 200)):
        for _ in range(2):
            assert member.post(f"{path}/actions/{action}").status_code == 204
        assert member.get(path).json()["status"] == status
        assert member.get(f"{path}/file").status_code == download
        with images.client("admin-x") as admin:
            assert admin.get(f"{path}/file").content == b"data"


def test_staging_and_import(member: httpx2.Client) -> None:
    path = create(member)
    asked = {"method": {"name": "glance-direct"}}
    assert member.post(f"{path}/import", json=asked).status_code == 409
    assert member.put(f"{path}/stage", content=b"staged", headers=OCTETS).status_code == 204
    assert member.get(path).json()["status"] == "uploading"
    assert member.get(f"{path}/file").status_code == 204
    for bad in ({}, {"method": "glance-direct"}, {"method": {"name": "web-download"}}):
        assert member.post(f"{path}/import", json=bad).status_code == 400
    assert member.post(f"{path}/import", json=asked).status_code == 202
    assert member.get(path).json()["status"] == "active"
    assert member.get(f"{path}/file").content == b"staged"


def test_a_client_that_leaves(images: Replica, member: httpx2.Client, data_dir: Path) -> None:
    path = create(member)
    connection = half_an_upload(images, path)
    wait_for(lambda: member.get(path).json()["status"] == "saving", "saving")
    assert member.put(f"{path}/file", content=b"x", headers=OCTETS).status_code == 409
    connection.close()
    wait_for(lambda: member.get(path).json()["status"] == "queued", "queued again", 2)
    assert not [name for name in files(data_dir) if name.startswith(path.rpartition("/")[2])]
    assert member.put(f"{path}/file", content=b"x", headers=OCTETS).status_code == 204


def test_a_client_that_falls_silent_loses_its_lease(images: Replica, member: httpx2.Client) -> None:
    path = create(member)
    with half_an_upload(images, path) as connection:
        wait_for(lambda: member.get(path).json()["status"] == "saving", "saving")
        wait_for(lambda: member.get(path).json()["status"] == "queued", "queued again", 5)
        assert member.put(f"{path}/file", content=b"the other", headers=OCTETS).status_code == 204
        connection.sendall(b"x" * 1_000_000)
        assert connection.recv(100).startswith(b"HTTP/1.1 409")
    assert member.get(f"{path}/file").content == b"the other"


def test_an_image_deleted_while_it_is_uploaded(images: Replica, member: httpx2.Client, data_dir: Path) -> None:
    path = create(member)
    with half_an_upload(images, path) as connection:
        wait_for(lambda: member.get(path).json()["status"] == "saving", "saving")
        assert member.delete(path).status_code == 204
        connection.sendall(b"x" * 1_000_000)
        assert connection.recv(100).startswith(b"HTTP/1.1 410")
    assert not [name for name in files(data_dir) if name.startswith(path.rpartition("/")[2])]


def test_a_replica_killed_in_mid_upload(tmp_path: Path) -> None:
    with _replica(tmp_path) as dying, _replica(tmp_path) as other, other.client("member-p") as member:
        path = create(member)
        with half_an_upload(dying, path):
            wait_for(lambda: member.get(path).json()["status"] == "saving", "saving")
            dying.kill()
        image = wait_for(lambda: (seen := member.get(path).json())["status"] == "queued" and seen, "queued again")
        assert (image["size"], image["checksum"]) == (None, None)
        assert member.put(f"{path}/file", content=b"whole", headers=OCTETS).status_code == 204
        wait_for(lambda: len(files(tmp_path)) == 1, "only the whole image's data is left")
        assert member.get(f"{path}/file").content == b"whole"


def test_a_replica_stopped_in_mid_upload_puts_the_image_back_itself(tmp_path: Path) -> None:
    with replica(tmp_path) as stopping, replica(tmp_path) as other, other.client("member-p") as member:
        path = create(member)
        with half_an_upload(stopping, path):
            wait_for(lambda: member.get(path).json()["status"] == "saving", "saving")
            stopping.process.terminate()
            stopping.process.wait(15)
        assert member.get(path).json()["status"] == "queued"
        assert files(tmp_path) == []


def test_one_of_two_uploads_at_once_wins(images: Replica, member: httpx2.Client) -> None:
    path, answers = create(member), []

    def upload(content: bytes) -> None:
        with images.client("member-p") as client:
            answers.append(
                (client.put(f"{path}/file", content=content * 3_000_000, headers=OCTETS).status_code, content)
            )

    threads = [threading.Thread(target=upload, args=(content,)) for content in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(status for status, _ in answers) == [204, 409, 409]
    winner = next(content for status, content in answers if status == 204)
    assert member.get(f"{path}/file").content == winner * 3_000_000


def zeros(size: int) -> Iterator[bytes]:
    block = bytes(1 << 20)
    while size > 0:
        yield block[:size]
        size -= len(block)


def half_an_upload(images: Replica, path: str, size: int = 1_000_000) -> socket.socket:
    """A connection on which twice `size` bytes were announced, and half of them sent."""
    host, port = images.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=10)
    head = f"PUT {path}/file HTTP/1.1\r\nHost: x\r\nX-Auth-Token: member-p\r\nContent-Length: {2 * size}\r\n"
    connection.sendall(f"{head}Content-Type: application/octet-stream\r\n\r\n".encode() + b"x" * size)
    return connection

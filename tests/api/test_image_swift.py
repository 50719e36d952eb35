"""Image data in Swift, seen by clients of the image service."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from image_fixture import Replica, replica, wait_for
from test_image_data import OCTETS, create, half_an_upload, zeros

from tests.unit.swift_fake import FakeSwift

SEGMENT = 1 << 20


@pytest.fixture
def swift() -> Iterator[FakeSwift]:
    """A Swift of two regions."""
    made = FakeSwift()
    made.entrance()
    made.entrance()
    yield made
    made.close()


def _replica(directory: Path, swift: FakeSwift, **more: Any) -> Any:
    """A replica; the fake also plays identity, for the replica's own token."""
    fast = {"upload_lease_seconds": 1.5, "sweep_seconds": 0.2, "sweep_grace_seconds": 0}
    urls = [entrance.url for entrance in swift.entrances]
    where = {"object_urls": " ".join(urls), "identity_url": urls[0], "object_segment_bytes": SEGMENT}
    return replica(directory, **(fast | where | more))


@pytest.fixture
def images(tmp_path: Path, swift: FakeSwift) -> Iterator[Replica]:
    with _replica(tmp_path, swift) as running:
        yield running


@pytest.fixture
def member(images: Replica) -> Iterator[httpx2.Client]:
    with images.client("member-p") as client:
        yield client


def nothing_is_left(swift: FakeSwift) -> bool:
    return not swift.names("images") and not swift.names("images_segments")


def test_data_comes_back_as_it_was(member: httpx2.Client, swift: FakeSwift, tmp_path: Path) -> None:
    path, content = create(member), os.urandom(SEGMENT * 9 // 2)
    assert member.put(f"{path}/file", content=content, headers=OCTETS).status_code == 204
    assert len(swift.names("images_segments")) == 5
    assert member.get(f"{path}/file").content == content
    part = member.get(f"{path}/file", headers={"Range": "bytes=1000000-4000000"})
    assert (part.status_code, part.content) == (206, content[1_000_000:4_000_001])
    assert member.delete(path).status_code == 204
    wait_for(lambda: nothing_is_left(swift), "its data is gone")
    assert not (tmp_path / "images").exists()


def test_memory_does_not_grow_with_the_image(tmp_path: Path, swift: FakeSwift) -> None:
    with _replica(tmp_path, swift, object_segment_bytes=8 << 20) as running, running.client("member-p") as member:
        peaks = []
        for size in (16 << 20, 96 << 20):
            path = create(member)
            assert member.put(f"{path}/file", content=zeros(size), headers=OCTETS).status_code == 204
            with member.stream("GET", f"{path}/file") as answer:
                assert sum(len(piece) for piece in answer.iter_bytes(1 << 20)) == size
            assert member.delete(path).status_code == 204
            peaks.append(running.peak_memory())
    assert peaks[1] - peaks[0] < 16 << 20


def test_more_than_a_manifest_can_join(tmp_path: Path, swift: FakeSwift) -> None:
    with _replica(tmp_path, swift, object_segment_bytes=1000) as running, running.client("member-p") as member:
        path = create(member)
        assert member.put(f"{path}/file", content=bytes(1_000_001), headers=OCTETS).status_code == 413
        assert member.put(f"{path}/file", content=bytes(1_000_000), headers=OCTETS).status_code == 204


def test_one_entrance_breaks_under_transfers(member: httpx2.Client, swift: FakeSwift) -> None:
    path, content = create(member), os.urandom(SEGMENT * 9 // 2)
    swift.entrances[0].breaks_after = SEGMENT * 3 // 2
    assert member.put(f"{path}/file", content=content, headers=OCTETS).status_code == 204
    swift.entrances[1].breaks_after = SEGMENT * 3 // 2
    swift.entrances[0].breaks_after = None
    assert member.get(f"{path}/file").content == content


def test_while_the_store_is_away(member: httpx2.Client, swift: FakeSwift) -> None:
    filled, empty, removed = create(member), create(member), create(member)
    for path in (filled, removed):
        assert member.put(f"{path}/file", content=b"data", headers=OCTETS).status_code == 204
    for entrance in swift.entrances:
        entrance.status = 503
    with ExitStack() as stack:
        client = stack.enter_context(httpx2.Client(base_url=member.base_url, headers=member.headers, timeout=60))
        answer = client.put(f"{empty}/file", content=b"data", headers=OCTETS)
        assert (answer.status_code, "object storage" in answer.text) == (503, True)
        assert client.get(empty).json()["status"] == "queued"
        answer = client.get(f"{filled}/file")
        assert (answer.status_code, "object storage" in answer.text) == (503, True)
        assert client.delete(removed).status_code == 204
        assert client.get(f"{removed}/file").status_code == 404
    for entrance in swift.entrances:
        entrance.status = None
    assert member.put(f"{empty}/file", content=b"data", headers=OCTETS).status_code == 204
    assert member.get(f"{filled}/file").content == b"data"
    wait_for(lambda: len(swift.names("images")) == 2, "the sweep removes what the deletion could not")


def test_data_that_no_region_shows_yet(member: httpx2.Client, swift: FakeSwift) -> None:
    path = create(member)
    assert member.put(f"{path}/file", content=b"data", headers=OCTETS).status_code == 204
    swift.entrances[0].hidden = set(swift.names("images"))
    assert member.get(f"{path}/file").content == b"data"
    swift.entrances[1].hidden = swift.entrances[0].hidden
    answer = member.get(f"{path}/file")
    assert (answer.status_code, "not come" in answer.text) == (503, True)


def test_a_replica_killed_in_mid_upload(tmp_path: Path, swift: FakeSwift) -> None:
    with _replica(tmp_path, swift) as dying, _replica(tmp_path, swift) as other, other.client("member-p") as member:
        path = create(member)
        with half_an_upload(dying, path, SEGMENT * 3):
            wait_for(lambda: swift.names("images_segments"), "a segment is stored")
            dying.kill()
        assert not swift.names("images")
        wait_for(lambda: member.get(path).json()["status"] == "queued", "queued again")
        wait_for(lambda: nothing_is_left(swift), "the sweep removes the segments")
        assert member.put(f"{path}/file", content=b"whole", headers=OCTETS).status_code == 204
        assert member.get(f"{path}/file").content == b"whole"


def test_a_client_that_leaves(images: Replica, member: httpx2.Client, swift: FakeSwift) -> None:
    path = create(member)
    connection = half_an_upload(images, path, SEGMENT * 3)
    wait_for(lambda: swift.names("images_segments"), "a segment is stored")
    connection.close()
    wait_for(lambda: member.get(path).json()["status"] == "queued", "queued again", 5)
    wait_for(lambda: nothing_is_left(swift), "nothing is left", 5)

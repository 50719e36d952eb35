"""Where image data lives: the same contract for a directory and for Swift."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.image.directory_store import DirectoryStore, no_room_is_store_full
from services.image.store import BlobMissing, BlobStore, StoreFull
from services.image.swift_account import Account
from services.image.swift_store import SwiftStore
from tests.unit.swift_fake import FakeSwift, OwnToken


@pytest.fixture(params=["directory", "swift"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BlobStore]:
    """Blobs of more than ten bytes are segmented, where the store does that."""
    if request.param == "directory":
        yield DirectoryStore(tmp_path / "images")
        return
    swift = FakeSwift()
    yield SwiftStore(Account([swift.entrance().url], OwnToken(), patience=1), segment_bytes=10)
    swift.close()


def written(store: BlobStore, name: str, *blocks: bytes) -> None:
    writer = store.create(name)
    for block in blocks:
        writer.write(block)
    writer.commit()


@pytest.mark.parametrize("blocks", [(), (b"",), (b"short",), (b"0123456789", b"!"), (b"of many blocks, " * 3,) * 5])
def test_a_blob_comes_back_as_it_was(store: BlobStore, blocks: tuple[bytes, ...]) -> None:
    written(store, "one", *blocks)
    content = b"".join(blocks)
    reader = store.open("one")
    assert reader.size == len(content)
    assert reader.read(0, len(content) + 1) == content
    assert reader.read(len(content), 1) == b""
    reader.close()


def test_a_blob_is_read_in_any_order(store: BlobStore) -> None:
    content = bytes(range(100))
    written(store, "one", content)
    reader = store.open("one")
    for offset, length in ((0, 7), (7, 7), (50, 30), (90, 100), (3, 2), (99, 1), (0, 100)):
        assert reader.read(offset, length) == content[offset : offset + length]
    reader.close()


@pytest.mark.parametrize("first", [b"hello ", b"a long beginning "])
def test_a_blob_is_there_when_it_is_committed_and_not_before(store: BlobStore, first: bytes) -> None:
    writer = store.create("one")
    writer.write(first)
    with pytest.raises(BlobMissing):
        store.open("one")
    writer.write(b"world")
    writer.commit()
    reader = store.open("one")
    assert reader.read(len(first), 100) == b"world"
    reader.close()
    store.delete("one")
    with pytest.raises(BlobMissing):
        store.open("one")
    assert list(store.names(0)) == []


def test_a_blob_that_is_deleted_while_it_is_read(store: BlobStore) -> None:
    content = os.urandom(9_000)
    written(store, "one", content)
    reader = store.open("one")
    start = reader.read(0, 5)
    store.delete("one")
    try:
        rest = reader.read(5, len(content))
    except BlobMissing:
        assert isinstance(store, SwiftStore)
    else:
        assert start + rest == content
    reader.close()


@pytest.mark.parametrize("size", [1, 25])
def test_an_aborted_blob_leaves_nothing_even_while_it_is_written(store: BlobStore, size: int) -> None:
    writer = store.create("one")
    writer.write(b"x" * size)
    writer.abort()
    writer.write(b"a thread that came late")
    writer.abort()
    assert list(store.names(0)) == []


def test_aborting_a_committed_blob_does_nothing(store: BlobStore) -> None:
    writer = store.create("one")
    writer.write(b"x" * 25)
    writer.commit()
    writer.abort()
    reader = store.open("one")
    assert reader.read(0, 100) == b"x" * 25
    reader.close()


def test_an_unfinished_blob_that_is_deleted_cannot_be_committed(store: BlobStore) -> None:
    writer = store.create("one")
    writer.write(b"x" * 25)
    store.delete("one")
    with pytest.raises(BlobMissing):
        writer.commit()
    writer.abort()
    with pytest.raises(BlobMissing):
        store.open("one")
    assert list(store.names(0)) == []


def test_names_are_of_whole_and_unfinished_blobs(store: BlobStore) -> None:
    for name in ("unfinished", "unfinished-2"):
        store.create(name).write(b"x" * 30)
    for name, size in (("whole", 0), ("whole-2", 25)):
        written(store, name, b"x" * size)
    assert sorted(store.names(older_than_seconds=0)) == ["unfinished", "unfinished-2", "whole", "whole-2"]
    assert list(store.names(older_than_seconds=60)) == []
    for name in ("unfinished", "unfinished-2", "whole", "whole-2", "never there"):
        store.delete(name)
    assert list(store.names(older_than_seconds=0)) == []


def test_a_full_disk_is_told_from_other_trouble() -> None:
    with pytest.raises(StoreFull), no_room_is_store_full(), open("/dev/full", "wb", buffering=0) as full:
        full.write(b"x")
    with pytest.raises(FileNotFoundError), no_room_is_store_full():
        raise FileNotFoundError

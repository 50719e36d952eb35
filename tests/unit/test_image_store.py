"""Image data in a directory."""

import os
from pathlib import Path

import pytest

from services.image.directory_store import DirectoryStore, no_room_is_store_full
from services.image.store import BlobMissing, StoreFull


def test_a_blob_is_there_when_it_is_committed_and_not_before(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "images")
    writer = store.create("one")
    writer.write(b"hello ")
    with pytest.raises(BlobMissing):
        store.open("one")
    writer.write(b"world")
    writer.commit()
    reader = store.open("one")
    assert (reader.size, reader.read(6, 100)) == (11, b"world")
    store.delete("one")
    assert reader.read(0, 5) == b"hello"
    reader.close()
    with pytest.raises(BlobMissing):
        store.open("one")


def test_an_aborted_blob_leaves_nothing_even_while_it_is_written(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    writer = store.create("one")
    writer.write(b"x")
    writer.abort()
    writer.write(b"a thread that came late")
    writer.abort()
    assert os.listdir(tmp_path) == []


def test_names_are_of_whole_and_unfinished_blobs(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    store.create("unfinished")
    store.create("whole").commit()
    assert sorted(store.names(older_than_seconds=0)) == ["unfinished", "whole"]
    assert list(store.names(older_than_seconds=60)) == []
    store.delete("unfinished")
    store.delete("whole")
    store.delete("never there")
    assert list(store.names(older_than_seconds=0)) == []


def test_a_full_disk_is_told_from_other_trouble() -> None:
    with pytest.raises(StoreFull), no_room_is_store_full(), open("/dev/full", "wb", buffering=0) as full:
        full.write(b"x")
    with pytest.raises(FileNotFoundError), no_room_is_store_full():
        raise FileNotFoundError

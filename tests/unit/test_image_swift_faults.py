"""Image data in Swift when something is wrong on the way."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest

from services.image.store import BlobMissing, BlobReader, StoreFull
from services.image.swift_account import Account, by_preference
from services.image.swift_store import SwiftStore
from services.image.swift_writer import MOST_SEGMENTS, SwiftWriter
from services.platform.faults import Unavailable
from tests.unit.swift_fake import Entrance, FakeSwift, OwnToken

SEGMENT = 1 << 20
CONTENT = os.urandom(SEGMENT * 7 // 2)
BLOCK = 200_000


@dataclass
class Regions:
    """The store as the first of two regions sees it."""

    swift: FakeSwift
    own: Entrance
    other: Entrance
    token: OwnToken
    store: SwiftStore

    def begun(self, name: str, size: int) -> SwiftWriter:
        writer = self.store.create(name)
        send(writer, CONTENT[:size])
        return writer

    def stored(self, name: str, content: bytes = CONTENT) -> None:
        writer = self.store.create(name)
        send(writer, content)
        writer.commit()

    def content(self, name: str) -> bytes:
        reader = self.store.open(name)
        try:
            return read_all(reader)
        finally:
            reader.close()

    def nothing_is_left(self) -> bool:
        return not self.swift.names("images") and not self.swift.names("images_segments")


def send(writer: SwiftWriter, content: bytes) -> None:
    for offset in range(0, len(content), BLOCK):
        writer.write(content[offset : offset + BLOCK])


def read_all(reader: BlobReader) -> bytes:
    return b"".join(reader.read(offset, BLOCK) for offset in range(0, reader.size, BLOCK))


@pytest.fixture
def regions() -> Iterator[Regions]:
    swift, token = FakeSwift(), OwnToken()
    own, other = swift.entrance(), swift.entrance()
    yield Regions(swift, own, other, token, SwiftStore(Account([own.url, other.url], token, patience=4), SEGMENT))
    own.silent.clear()
    swift.close()


WRONG: dict[str, Callable[[Entrance], object]] = {
    "nobody listens": Entrance.down,
    "silent": lambda entrance: entrance.silent.set(),
    "503": lambda entrance: setattr(entrance, "status", 503),
}


def test_what_is_tried_first() -> None:
    roots = ["own", "other", "third"]
    assert by_preference(roots, {}, 100.0) == roots
    assert by_preference(roots, {"own": 99.0}, 100.0) == ["other", "third", "own"]
    assert by_preference(roots, {"own": 99.0, "other": 99.5, "third": 99.5}, 100.0) == roots
    assert by_preference(roots, {"own": 10.0}, 100.0) == roots


@pytest.mark.slow
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
@pytest.mark.parametrize("size", [1000, len(CONTENT)])
def test_the_other_region_takes_over(regions: Regions, wrong: Callable[[Entrance], object], size: int) -> None:
    regions.stored("one", CONTENT[:size])
    wrong(regions.own)
    assert regions.content("one") == CONTENT[:size]
    regions.stored("two", CONTENT[:size])
    assert regions.content("two") == CONTENT[:size]
    assert list(regions.store.names(0)) == ["one", "two"]
    for name in ("one", "two"):
        regions.store.delete(name)
    assert regions.nothing_is_left()


def test_what_one_region_has_not_got_yet_comes_from_the_other(regions: Regions) -> None:
    regions.stored("one")
    regions.own.hidden.add("one")
    assert regions.content("one") == CONTENT
    regions.other.hidden.add("one")
    with pytest.raises(BlobMissing):
        regions.store.open("one")


def test_what_may_be_in_a_region_that_is_away_is_not_called_missing(regions: Regions) -> None:
    regions.stored("one")
    regions.own.hidden.add("one")
    regions.other.down()
    with pytest.raises(Unavailable):
        regions.store.open("one")


@pytest.mark.parametrize("position", [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 500_000, len(CONTENT) - 1])
def test_an_entrance_that_breaks_in_mid_upload(regions: Regions, position: int) -> None:
    writer = regions.store.create("one")
    regions.own.breaks_after = position
    send(writer, CONTENT)
    writer.commit()
    assert regions.content("one") == CONTENT
    regions.store.delete("one")
    assert regions.nothing_is_left()


@pytest.mark.parametrize("position", [1, SEGMENT, SEGMENT + 500_000, len(CONTENT) - 1])
def test_an_entrance_that_breaks_in_mid_download(regions: Regions, position: int) -> None:
    regions.stored("one")
    regions.own.breaks_after = position
    assert regions.content("one") == CONTENT


@pytest.mark.slow
def test_an_upload_ends_when_no_entrance_is_left(regions: Regions) -> None:
    writer = regions.begun("one", SEGMENT + 500_000)
    regions.own.down()
    regions.other.down()
    with pytest.raises(Unavailable):
        send(writer, CONTENT)
    writer.abort()
    assert regions.swift.names("images") == []
    assert regions.swift.names("images_segments") == ["one/000001"]
    with pytest.raises(Unavailable):
        list(regions.store.names(0))


@pytest.mark.slow
def test_a_download_ends_when_no_entrance_is_left(regions: Regions) -> None:
    regions.stored("one")
    reader = regions.store.open("one")
    assert reader.read(0, 10) == CONTENT[:10]
    regions.own.down()
    regions.other.down()
    with pytest.raises(Unavailable):
        read_all(reader)
    reader.close()


@pytest.mark.parametrize("status", [413, 507])
@pytest.mark.parametrize("size", [1000, len(CONTENT)])
def test_a_store_without_room(regions: Regions, status: int, size: int) -> None:
    writer = regions.store.create("one")
    regions.own.status = regions.other.status = status
    with pytest.raises(StoreFull):
        regions_full(writer, size)
    regions.own.status = regions.other.status = None
    writer.abort()
    assert regions.nothing_is_left()


def regions_full(writer: SwiftWriter, size: int) -> None:
    send(writer, CONTENT[:size])
    writer.commit()


def test_a_token_that_is_refused_is_replaced(regions: Regions) -> None:
    regions.stored("one")
    regions.swift.tokens = {"token-2"}
    assert regions.content("one") == CONTENT
    regions.swift.tokens = {"token-3"}
    regions.stored("two")
    assert regions.content("two") == CONTENT


def test_more_segments_than_a_manifest_takes(regions: Regions) -> None:
    writer = SwiftStore(Account([regions.own.url], regions.token), 1).create("one")
    with pytest.raises(StoreFull):
        writer.write(b"x" * (MOST_SEGMENTS + 1))
    writer.abort()
    assert regions.nothing_is_left()


def test_only_so_many_uploads_are_kept_in_memory(regions: Regions) -> None:
    half = SEGMENT * 3 // 2
    kept = [regions.begun(f"kept-{number}", half) for number in range(8)]
    one_too_many = regions.begun("not kept", half)
    regions.own.down()
    with pytest.raises(Unavailable):
        send(one_too_many, CONTENT)
    for writer in kept:
        send(writer, CONTENT[half:])
        writer.commit()
    one_too_many.abort()
    assert regions.content("kept-3") == CONTENT
    regions.begun("there is room again", half).abort()


@pytest.mark.slow
def test_an_upload_that_waits_is_aborted_at_once(regions: Regions) -> None:
    writer = regions.begun("one", SEGMENT + 500_000)
    regions.own.silent.set()
    regions.other.silent.set()

    def waiting() -> None:
        with suppress(Unavailable, BlobMissing):
            send(writer, CONTENT)
            writer.commit()

    thread = threading.Thread(target=waiting)
    thread.start()
    time.sleep(0.2)
    begun = time.monotonic()
    writer.abort()
    assert time.monotonic() - begun < 9  # of 10 that a block may take to leave
    thread.join()
    assert regions.swift.names("images") == []
    regions.other.silent.clear()


def test_an_upload_that_is_given_up_just_before_its_end_has_no_end(regions: Regions) -> None:
    writer = regions.begun("one", SEGMENT + 500_000)
    segment = writer._segment
    assert segment is not None
    segment.cut()
    with pytest.raises(BlobMissing):
        writer.commit()
    writer.abort()
    assert regions.swift.names("images") == []


def test_a_deletion_that_stops_half_way_leaves_nothing_to_be_found(regions: Regions) -> None:
    for fatal in range(3):
        regions.stored("one")
        regions.swift.requests, regions.swift.dies_at = [], fatal
        impatient = SwiftStore(Account([regions.own.url], regions.token, patience=0), SEGMENT)
        with pytest.raises(Unavailable):
            impatient.delete("one")
        regions.swift.revive()
        assert (regions.swift.names("images") == ["one"]) == (fatal == 0)
        assert list(regions.store.names(0)) == ["one"]
        regions.store.delete("one")
        assert regions.nothing_is_left()

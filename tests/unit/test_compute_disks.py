"""Root disks of fake guests, and the copies of images that a host keeps."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from image_service_fake import FakeImages

from services.compute.agent.disks import Boot, Disks, DiskTooSmall
from services.compute.agent.image_cache import ImageCache, ImageDamaged
from services.platform.faults import Unavailable
from services.platform.image_data import ImageGone

GUEST, OTHER = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"


@pytest.fixture
def images() -> FakeImages:
    made = FakeImages()
    for name in ("a", "b", "c"):
        made.add(name, name.encode() * 100)
    return made


def cache(directory: Path, images: FakeImages, limit: int = 1000) -> ImageCache:
    return ImageCache(directory / "cache", images, limit)


def disks(directory: Path, images: FakeImages) -> Disks:
    return Disks(directory / "disks", cache(directory, images))


def kept(directory: Path) -> set[str]:
    return {path.name for path in (directory / "cache").iterdir()}


def test_the_longest_unused_copies_go_first(tmp_path: Path, images: FakeImages) -> None:
    copies = cache(tmp_path, images, limit=250)
    for name in ("a", "b", "a"):
        copies.open(name).close()
        time.sleep(0.01)  # file times have a grain
    copies.open("c").close()
    assert kept(tmp_path) == {"a", "c"}


def test_what_is_larger_than_the_cache_can_be_read_and_does_not_stay(tmp_path: Path, images: FakeImages) -> None:
    with cache(tmp_path, images, limit=10).open("a") as file:
        assert kept(tmp_path) == set()
        assert file.read() == b"a" * 100


def test_damaged_data_is_fetched_again_and_never_kept(tmp_path: Path, images: FakeImages) -> None:
    images.images["a"] = replace(images.images["a"], digest="0" * 128)
    copies = cache(tmp_path, images)
    with pytest.raises(ImageDamaged):
        copies.open("a")
    assert images.downloads == 2
    assert kept(tmp_path) == set()


def test_what_breaks_off_leaves_nothing(tmp_path: Path, images: FakeImages) -> None:
    class Breaking(FakeImages):
        def download(self, image_id: str) -> Iterator[bytes]:
            yield b"half"
            raise Unavailable

    copies = cache(tmp_path, Breaking(images.images, images.data))
    with pytest.raises(Unavailable):
        copies.open("a")
    assert kept(tmp_path) == set()
    (tmp_path / "cache" / "b.part").write_text("of a process that died")
    cache(tmp_path, images)
    assert kept(tmp_path) == set()


def test_an_image_that_is_gone_is_gone_unless_it_is_here(tmp_path: Path, images: FakeImages) -> None:
    copies = cache(tmp_path, images)
    copies.open("a").close()
    images.images.clear()
    with copies.open("a") as file:
        assert file.read() == b"a" * 100
    with pytest.raises(ImageGone):
        copies.open("b")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_many_at_once_fetch_once(tmp_path: Path, images: FakeImages) -> None:
    copies, read = cache(tmp_path, images), []

    def boot() -> None:
        with copies.open("a") as file:
            read.append(file.read())

    threads = [threading.Thread(target=boot) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert read == [b"a" * 100] * 8
    assert images.downloads == 1


def test_a_disk_begins_with_its_image_and_remembers_each_boot_once(tmp_path: Path, images: FakeImages) -> None:
    made = disks(tmp_path, images)
    made.make(GUEST, "a", 1)
    for order in (1, 1, 4):
        made.boot(GUEST, Boot(GUEST, order, "hostname=web"))
    made.make(GUEST, "a", 1)  # repeated: nothing is lost
    content = b"".join(made.read(GUEST, made.length(GUEST) or 0))
    assert content.startswith(b"a" * 100 + b"\n")
    assert made.boots(GUEST) == [
        f"QUORATE-GUEST boot=1 instance={GUEST} order=1 hostname=web",
        f"QUORATE-GUEST boot=2 instance={GUEST} order=4 hostname=web",
    ]


def test_a_guest_that_was_moved_goes_on_counting(tmp_path: Path, images: FakeImages) -> None:
    made = disks(tmp_path, images)
    made.make(GUEST, "a", 1)
    made.boot(GUEST, Boot(GUEST, 1, "region=one"))
    size = made.length(GUEST) or 0
    made.boot(GUEST, Boot(GUEST, 9, "after the snapshot"))
    images.add("moved", b"".join(made.read(GUEST, size)))
    made.make(OTHER, "moved", 1)
    made.boot(OTHER, Boot(OTHER, 1, "region=two"))
    assert [line.split()[1:3] for line in made.boots(OTHER)] == [
        ["boot=1", f"instance={GUEST}"],
        ["boot=2", f"instance={OTHER}"],
    ]


def test_a_line_that_was_torn_does_not_count(tmp_path: Path, images: FakeImages) -> None:
    made = disks(tmp_path, images)
    made.make(GUEST, "a", 1)
    with (tmp_path / "disks" / f"{GUEST}.raw").open("ab") as disk:
        disk.write(b"\nQUORATE-GUEST boot=1 instance=")
    made.boot(GUEST, Boot(GUEST, 1, "whole"))
    assert made.boots(GUEST) == [f"QUORATE-GUEST boot=1 instance={GUEST} order=1 whole"]


def test_an_image_must_fit(tmp_path: Path, images: FakeImages) -> None:
    images.add("large", b"")
    made = disks(tmp_path, images)
    with (tmp_path / "cache" / "large").open("wb") as file:
        file.truncate((1 << 30) + 1)
    with pytest.raises(DiskTooSmall, match="Flavor disk is 1073741824 bytes, image is 1073741825 bytes"):
        made.make(GUEST, "large", 1)
    assert made.length(GUEST) is None


def test_what_no_guest_remembers_is_removed(tmp_path: Path, images: FakeImages) -> None:
    made = disks(tmp_path, images)
    for guest in (GUEST, OTHER):
        made.make(guest, "a", 0)
    (tmp_path / "disks" / f"{GUEST}.part").touch()
    made.keep_only({OTHER})
    assert [path.name for path in (tmp_path / "disks").iterdir()] == [f"{OTHER}.raw"]

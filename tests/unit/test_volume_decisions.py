"""What is garbage, what follows a failure, what a type may ask for, how a stream is written: the pure parts."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.platform.faults import BadRequest, TooLarge
from services.volume import quotas
from services.volume.api.creation import check_image_fits, image_metadata
from services.volume.capabilities import unmet
from services.volume.connection import connection_data, mode_of
from services.volume.images import ImageView
from services.volume.names import (
    Purpose,
    clone_snapshot,
    garbage,
    purpose_of,
    scratch_image,
    snapshot_name,
    upload_snapshot,
    volume_image,
    volume_of,
)
from services.volume.states import Task
from services.volume.work.creating import pieces_with_data
from services.volume.work.retries import ATTEMPTS, Again, GiveUp, after_failure

GIB = 1 << 30
ID, OTHER = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))


def test_what_an_image_and_a_snapshot_are_for_is_read_from_their_names() -> None:
    assert volume_of(volume_image(ID)) == ID
    assert volume_of(scratch_image(ID, 3)) == ID
    assert volume_of("somebody-elses") is None
    assert purpose_of(snapshot_name(ID)) == (Purpose.SNAPSHOT, ID)
    assert purpose_of(clone_snapshot(ID)) == (Purpose.CLONE, ID)
    assert purpose_of(upload_snapshot(ID)) == (Purpose.UPLOAD, ID)
    assert purpose_of("mine") is None


def test_garbage_is_what_deleted_volumes_and_earlier_attempts_left() -> None:
    images = [
        volume_image(ID),
        scratch_image(ID, 1),
        scratch_image(ID, 2),
        volume_image(OTHER),
        scratch_image(OTHER, 1),
    ]
    assert garbage(images, {ID: 2, OTHER: None}) == [scratch_image(ID, 1), volume_image(OTHER), scratch_image(OTHER, 1)]


def test_images_that_the_database_never_heard_of_are_left_alone() -> None:
    assert garbage([volume_image(ID), scratch_image(ID, 1), "a-guest's-own"], {}) == []


def test_a_part_that_is_away_is_waited_for_without_end_ever_more_slowly() -> None:
    pauses = [after_failure(Task.CREATE, number, may_pass=True) for number in range(100)]
    assert all(isinstance(one, Again) for one in pauses)
    waits = [one.pause for one in pauses if isinstance(one, Again)]
    assert waits == sorted(waits)
    assert waits[-1] <= timedelta(seconds=10)


def test_what_cannot_work_is_given_up_but_never_a_deletion() -> None:
    assert after_failure(Task.CREATE, ATTEMPTS - 1, may_pass=False) == GiveUp()
    assert isinstance(after_failure(Task.CREATE, ATTEMPTS - 2, may_pass=False), Again)
    for task in (Task.DELETE, Task.DELETE_SNAPSHOT):
        assert isinstance(after_failure(task, 1000, may_pass=False), Again)


@pytest.mark.parametrize(
    ("specs", "missing"),
    [
        ({}, None),
        ({"volume_backend_name": "rbd", "vendor_name": "Open Source"}, None),
        ({"multiattach": "<is> True", "capabilities:thin_provisioning_support": "<is> true"}, None),
        ({"RESKEY:availability_zones": "nova", "hw:anything": "x"}, None),
        ({"storage_protocol": "iSCSI"}, "storage_protocol=iSCSI"),
        ({"capabilities:QoS_support": "<is> True"}, "capabilities:QoS_support=<is> True"),
        ({"compression": "<is> True"}, "compression=<is> True"),
    ],
)
def test_a_types_demands_are_compared_with_what_the_store_offers(specs: dict[str, str], missing: str | None) -> None:
    assert unmet(specs) == missing


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 200_000)), max_size=6), st.integers(0, 70_000))
def test_writing_only_what_is_not_zero_writes_all(runs: list[tuple[bool, int]], tail: int) -> None:
    block = b"".join((b"x" if data else b"\0") * length for data, length in runs) + bytes(tail)
    written = bytearray(len(block))
    for start, data in pieces_with_data(block):
        written[start : start + len(data)] = data
    assert bytes(written) == block
    assert sum(len(data) for _, data in pieces_with_data(bytes(1 << 20))) == 0


def image(disk_format: str = "raw", size: int = GIB, min_disk: int = 0) -> ImageView:
    return ImageView(ID, "n", "active", disk_format, "bare", size, min_disk, 0, "c" * 32, {"os_distro": "x"})


def test_an_image_must_fit_its_volume() -> None:
    check_image_fits(image(), 1)
    check_image_fits(image("iso", 1, 1), 1)
    for unfit, words in (
        (image(size=GIB + 1), "larger than volume size"),
        (image(min_disk=2), "minDisk"),
        (image("qcow2"), "unacceptable"),
    ):
        with pytest.raises(BadRequest, match=words):
            check_image_fits(unfit, 1)


def test_a_volume_keeps_what_its_image_says_as_text() -> None:
    kept = image_metadata(image())
    assert kept["image_id"] == ID
    assert kept["os_distro"] == "x"
    assert kept["size"] == str(GIB)
    assert all(isinstance(value, str) for value in kept.values())


def test_who_may_write_follows_the_volume_then_the_attachment_then_the_connector() -> None:
    assert mode_of(True, "rw", {"mode": "rw"}) == "ro"
    assert mode_of(False, "ro", {"mode": "rw"}) == "ro"
    assert mode_of(None, "rw", {"mode": "ro"}) == "rw"
    assert mode_of(None, None, {"mode": "ro"}) == "ro"
    assert mode_of(None, "null", {}) == "rw"


def test_a_connection_says_where_the_store_is_and_which_image() -> None:
    data = connection_data("quorate://mon1/volumes", ID, OTHER, "ro")
    assert data["store_url"] == "quorate://mon1/volumes"
    assert data["image"] == volume_image(ID)
    assert data["access_mode"] == "ro"


def test_quotas_say_which_limit_in_cinders_words() -> None:
    limits, usage = {"volumes": 1, "gigabytes": 10, "snapshots": -1}, {"volumes": 1, "gigabytes": 9, "snapshots": 99}
    quotas.check(limits, usage, {"snapshots": 5, "gigabytes": 1})
    with pytest.raises(TooLarge, match="Maximum number of volumes allowed \\(1\\) exceeded for quota 'volumes'"):
        quotas.check(limits, usage, {"volumes": 1})
    with pytest.raises(TooLarge, match="Requested 2G, quota is 10G and 9G has been consumed"):
        quotas.check(limits, usage, {"gigabytes": 2})

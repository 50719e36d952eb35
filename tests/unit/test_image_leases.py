"""Dead uploads and garbage."""

from datetime import datetime, timedelta

from services.image.leases import deadline, garbage, image_of, is_lost, new_blob, renewal_period

NOW = datetime(2026, 11, 23, 12)
IMAGE = "fa4dac40-af0e-5b92-bfcd-4bea00b3ae7b"


def test_an_upload_is_lost_when_its_lease_has_ended() -> None:
    ends = deadline(NOW, 15)
    assert not is_lost("saving", ends, NOW + timedelta(seconds=14.9))
    assert is_lost("saving", ends, NOW + timedelta(seconds=15))
    assert is_lost("uploading", ends, NOW + timedelta(hours=1))


def test_staged_or_finished_data_is_never_lost() -> None:
    assert not is_lost("uploading", None, NOW)
    assert not is_lost("active", NOW - timedelta(hours=1), NOW)


def test_a_lease_survives_one_failed_renewal() -> None:
    assert 2 * renewal_period(15) < 15


def test_what_nothing_names_is_garbage() -> None:
    named, unnamed = new_blob(IMAGE), new_blob(IMAGE)
    assert garbage([named, unnamed, unnamed], [named]) == [unnamed]
    assert image_of(named) == IMAGE


def test_files_that_are_no_blobs_are_left_alone() -> None:
    assert garbage(["lost+found", "notes.txt", IMAGE, f"{IMAGE}.backup"], []) == []

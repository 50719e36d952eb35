"""The table of image statuses."""

import itertools

import pytest

from services.image.schema import STATUSES
from services.image.statuses import IN_FLIGHT, TRANSITIONS, Event, after
from services.platform.faults import Conflict


def test_every_status_in_the_table_is_a_glance_status() -> None:
    assert {status for status, _ in TRANSITIONS} | set(TRANSITIONS.values()) <= set(STATUSES)


def test_only_an_upload_or_an_import_makes_an_image_active() -> None:
    to_active = {(status, event) for (status, event), then in TRANSITIONS.items() if then == "active"}
    assert {event for status, event in to_active if status not in ("active", "deactivated")} == {
        Event.UPLOAD_ENDS,
        Event.IMPORT,
    }


def test_whatever_is_in_flight_can_fall_back() -> None:
    assert {after(status, Event.DATA_LOST) for status in IN_FLIGHT} == {"queued"}


@pytest.mark.parametrize("pair", [p for p in itertools.product(STATUSES, Event) if p not in TRANSITIONS])
def test_anything_else_is_a_conflict(pair: tuple[str, Event]) -> None:
    with pytest.raises(Conflict, match="not allowed"):
        after(*pair)

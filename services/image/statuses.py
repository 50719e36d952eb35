"""Which status an image has after which event. Anything that is not in the table is a conflict and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from services.platform.faults import Conflict


class Event(StrEnum):
    """What happens to an image. The value says what the event leads to, for messages."""

    UPLOAD_BEGINS = "saving"
    UPLOAD_ENDS = "active"
    STAGING_BEGINS = "uploading"
    STAGING_ENDS = "uploading with its data staged"
    IMPORT = "importing"
    DATA_LOST = "queued"
    DEACTIVATE = "deactivated"
    REACTIVATE = "active again"


TRANSITIONS: Final[Mapping[tuple[str, Event], str]] = {
    ("queued", Event.UPLOAD_BEGINS): "saving",
    ("saving", Event.UPLOAD_ENDS): "active",
    ("saving", Event.DATA_LOST): "queued",
    ("queued", Event.STAGING_BEGINS): "uploading",
    ("uploading", Event.STAGING_ENDS): "uploading",
    ("uploading", Event.DATA_LOST): "queued",
    ("uploading", Event.IMPORT): "active",
    ("active", Event.DEACTIVATE): "deactivated",
    ("deactivated", Event.DEACTIVATE): "deactivated",
    ("deactivated", Event.REACTIVATE): "active",
    ("active", Event.REACTIVATE): "active",
}

#: While an image has one of these, an upload's lease says whether somebody is still at work.
IN_FLIGHT: Final = frozenset({"saving", "uploading"})


def after(status: str, event: Event) -> str:
    """The status after `event`. Raises Conflict where `status` does not allow it."""
    try:
        return TRANSITIONS[status, event]
    except KeyError:
        raise Conflict(f"Image status transition from {status} to {event.value} is not allowed.") from None

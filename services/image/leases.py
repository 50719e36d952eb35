"""Who may fill an image, and which files in the store are garbage. Pure decisions; no I/O.

Two rules make a half-finished upload harmless wherever its replica dies:

* The database names an attempt (`Upload.blob`) before the attempt's first file exists, and a name that was dropped
  never comes back. So a file that no row names is garbage, whoever looks at it, and whenever.
* An upload ends by exchanging, in one transaction, the attempt's name for the image's `location`. An attempt that lost
  its lease finds its name gone and has changed nothing.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from services.image.statuses import IN_FLIGHT

_BLOB: Final = re.compile(r"[0-9a-fA-F-]{36}\.[0-9a-f]{32}", re.ASCII)


def deadline(now: datetime, lease_seconds: float) -> datetime:
    """When a lease that is taken or renewed at `now` ends."""
    return now + timedelta(seconds=lease_seconds)


def is_lost(status: str, expires_at: datetime | None, now: datetime) -> bool:
    """Whether whoever was filling an image of this `status` has not been heard of for too long."""
    return status in IN_FLIGHT and expires_at is not None and expires_at <= now


def renewal_period(lease_seconds: float) -> float:
    """How often a lease is renewed: twice before it would end."""
    return lease_seconds / 3


def garbage(files: Iterable[str], named: Iterable[str]) -> list[str]:
    """Of the `files`, listed before `named` was read from the database, the blobs that nothing names."""
    kept = set(named)
    return sorted(file for file in set(files) if file not in kept and _BLOB.fullmatch(file))


def new_blob(image_id: str) -> str:
    """A name for one attempt to fill an image."""
    return f"{image_id}.{uuid.uuid4().hex}"


def image_of(blob: str) -> str:
    """The id of the image that a blob was written for."""
    return blob.partition(".")[0]

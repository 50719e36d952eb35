"""What volumes and snapshots are called in the store, and which of the names found there are garbage. Pure.

`volume-<id>` and `snapshot-<id>` as Cinder calls them. A volume that takes several steps to fill is filled under the
name of the attempt, `volume-<id>.<attempt>`, and renamed when it is whole: so a replica that lost its claim, and does
not know it yet, writes into an image that nobody will ever see.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

_SNAPSHOT: Final = re.compile(r"(snapshot|clone|upload)-([0-9a-zA-Z-]{1,40})", re.ASCII)
_OURS: Final = re.compile(r"volume-([0-9a-f-]{36})(?:\.([0-9]+))?", re.ASCII)


def volume_image(volume_id: str) -> str:
    return f"volume-{volume_id}"


def scratch_image(volume_id: str, attempt: int) -> str:
    """Where the given attempt to fill a volume writes."""
    return f"volume-{volume_id}.{attempt}"


def snapshot_name(snapshot_id: str) -> str:
    return f"snapshot-{snapshot_id}"


def clone_snapshot(volume_id: str) -> str:
    """The snapshot of its source through which a volume is copied; it is gone when the copy is whole."""
    return f"clone-{volume_id}"


def upload_snapshot(image_id: str) -> str:
    """The snapshot that an image is uploaded from, so that it shows the volume at one moment."""
    return f"upload-{image_id}"


class Purpose(StrEnum):
    """What a snapshot in the store is there for: its own id follows."""

    SNAPSHOT = "snapshot"
    CLONE = "clone"
    UPLOAD = "upload"


def purpose_of(snapshot: str) -> tuple[Purpose, str] | None:
    """What a snapshot in the store was made for, and the id of the snapshot, volume or image; None: not ours."""
    found = _SNAPSHOT.fullmatch(snapshot)
    return (Purpose(found[1]), found[2]) if found else None


def volume_of(image: str) -> str | None:
    """The id of the volume that an image in the store was made for; None for one that is not ours."""
    found = _OURS.fullmatch(image)
    return found[1] if found else None


def garbage(images: list[str], attempts: Mapping[str, int | None]) -> list[str]:
    """Of `images`, listed before `attempts` was read from the database, those that belong to nothing any more.

    `attempts` has every volume that the database knows, those deleted as None; the others with the number of the
    attempt under way, or of the last. An image of an unknown volume is left alone: a database restored from an older
    copy must not cost anybody a disk.
    """
    found = []
    for image in images:
        match = _OURS.fullmatch(image)
        if match is None or match[1] not in attempts:
            continue
        attempt = attempts[match[1]]
        if attempt is None or (match[2] is not None and int(match[2]) < attempt):
            found.append(image)
    return found

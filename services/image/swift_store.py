"""Image data in Swift: containers `images` (blobs) and `images_segments` (what large ones consist of).

Both regions see the same containers, so an image that is uploaded in one is there in the other.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from services.image.swift_account import Account, Missing
from services.image.swift_reader import SwiftReader
from services.image.swift_writer import CONTAINER, SEGMENTS, SwiftWriter, remove
from services.platform.times import parse_time, utcnow

#: How many segments may be in memory at the same time. Uploads beyond go on, but end when their entrance breaks.
_ROOM: Final = 8
_PAGE: Final = 5000


class SwiftStore:
    """A `BlobStore`. What differs from files: a large blob that is deleted cannot be read to its end."""

    def __init__(self, account: Account, segment_bytes: int) -> None:
        self._account, self._segment_bytes = account, segment_bytes
        self._room = threading.BoundedSemaphore(_ROOM)
        self._has_containers = False

    def create(self, name: str) -> SwiftWriter:
        """Raises Unavailable."""
        if not self._has_containers:
            for container in (CONTAINER, SEGMENTS):
                self._account.ask("PUT", self._account.path(container))
            self._has_containers = True
        return SwiftWriter(self._account, name, self._segment_bytes, self._room)

    def open(self, name: str) -> SwiftReader:
        """Raises BlobMissing where no region has it, Unavailable where that is not known."""
        return SwiftReader(self._account, name)

    def delete(self, name: str) -> None:
        """Raises Unavailable."""
        remove(self._account, name, (each["name"] for each in self._list(SEGMENTS, prefix=name + "/")))

    def names(self, older_than_seconds: float) -> Iterator[str]:
        """Raises Unavailable."""
        newest = utcnow() - timedelta(seconds=older_than_seconds)
        whole = set()
        for each in self._list(CONTAINER):
            whole.add(each["name"])
            if _written_at(each) <= newest:
                yield each["name"]
        for each in self._list(SEGMENTS, delimiter="/"):
            name = each.get("subdir", "").removesuffix("/")
            if name and name not in whole and self._last_segment_at(name) <= newest:
                yield name

    def _last_segment_at(self, blob: str) -> datetime:
        times = [_written_at(each) for each in self._list(SEGMENTS, prefix=blob + "/")]
        return max(times, default=utcnow())

    def _list(self, container: str, **query: str) -> Iterator[dict[str, Any]]:
        marker = ""
        # Without patience: whoever lists will do so again, and a store that is slow needs no more requests.
        with suppress(Missing):  # nothing was ever stored
            while True:
                asked = urlencode({"format": "json", "limit": _PAGE, "marker": marker, **query})
                path = f"{self._account.path(container)}?{asked}"
                page = json.loads(self._account.ask("GET", path, patience=0).data or b"[]")
                yield from page
                if len(page) < _PAGE:
                    return
                marker = page[-1].get("name") or page[-1]["subdir"]


def _written_at(entry: dict[str, Any]) -> datetime:
    return parse_time(entry["last_modified"])

"""Writing one blob to Swift: a small one as one object; a large one as segments, and last the manifest that joins them
(a static large object). The name of the blob exists from that moment on and not before.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Final
from urllib.parse import quote

from services.image.store import BlobMissing, StoreFull
from services.image.swift_account import STORE_SECONDS, Account, Missing
from services.image.swift_put import ObjectWriter, WasCut
from services.platform.faults import Unavailable

log = logging.getLogger(__name__)

CONTAINER: Final = "images"
SEGMENTS: Final = "images_segments"
#: A blob of at most so many bytes is one object.
PLAIN_BYTES: Final = 4 << 20
#: Swift takes no more segments in a manifest (its `max_manifest_segments`).
MOST_SEGMENTS: Final = 1000

#: Segments that the manifest names are not there.
_REFUSED: Final = frozenset({400})
#: Seconds until a deletion is left to the sweep, and until an entrance is thought silent.
_REMOVAL_PATIENCE: Final = 2.0
_REMOVAL_SECONDS: Final = 3.0


def segment_name(blob: str, number: int) -> str:
    """The name of a blob's segment in its container."""
    return f"{blob}/{number:06}"


class SwiftWriter:
    """A `BlobWriter`. The lock is for `abort`, which may come while another thread is still writing.

    `room` has a place for each segment that may be in memory at the same time, of all uploads together.
    """

    def __init__(self, account: Account, blob: str, segment_bytes: int, room: threading.Semaphore) -> None:
        self._account, self._blob, self._segment_bytes, self._room = account, blob, segment_bytes, room
        self._lock = threading.Lock()
        self._small: list[bytes] | None = []
        self._segment: ObjectWriter | None = None
        self._has_room = False
        self._stored: list[tuple[int, str]] = []
        self._begun = 0
        self._over = threading.Event()

    def write(self, block: bytes) -> None:
        with self._lock, suppress(WasCut):
            if self._over.is_set():
                return
            if self._small is None:
                self._write(block)
                return
            self._small.append(block)
            if sum(map(len, self._small)) > min(PLAIN_BYTES, self._segment_bytes):
                small, self._small = self._small, None
                for each in small:
                    self._write(each)

    def _write(self, block: bytes) -> None:
        rest = memoryview(block)
        while rest:
            segment = self._segment or self._begin_segment()
            part = rest[: self._segment_bytes - segment.size]
            segment.write(part)
            rest = rest[len(part) :]
            if segment.size == self._segment_bytes:
                self._end_segment()

    def _begin_segment(self) -> ObjectWriter:
        if self._begun == MOST_SEGMENTS:
            raise StoreFull
        self._begun += 1
        self._has_room = self._room.acquire(blocking=False)
        path = self._account.path(SEGMENTS, segment_name(self._blob, self._begun))
        self._segment = ObjectWriter(self._account, path, keeping=self._has_room)
        return self._segment

    def _end_segment(self) -> None:
        if self._segment is not None:
            self._stored.append((self._segment.size, self._segment.finish()))
            self._forget_segment()

    def _forget_segment(self) -> None:
        if self._segment is not None:
            self._segment.close()
            self._segment = None
        if self._has_room:
            self._has_room = False
            self._room.release()

    def commit(self) -> None:
        with self._lock:
            if self._over.is_set():
                raise BlobMissing(self._blob)
            try:
                self._finish()
            except WasCut:  # an abort is on its way, and waits for the lock
                raise BlobMissing(self._blob) from None
            self._over.set()

    def _finish(self) -> None:
        if self._small is not None:
            self._put(b"".join(self._small), "")
        else:
            self._end_segment()
            self._put(self._manifest(), "?multipart-manifest=put")

    def _manifest(self) -> bytes:
        segments = [
            {"path": f"/{SEGMENTS}/{segment_name(self._blob, number)}", "etag": etag, "size_bytes": size}
            for number, (size, etag) in enumerate(self._stored, start=1)
        ]
        return json.dumps(segments).encode()

    def _put(self, body: bytes, query: str) -> None:
        path = self._account.path(CONTAINER, self._blob) + query
        try:
            answer = self._account.ask("PUT", path, body=body, seconds=STORE_SECONDS, expected=_REFUSED)
        except Missing:
            raise Unavailable("The object storage does not find the container of images. Retry in a moment.") from None
        if answer.status == 400:
            log.info("the manifest of %s is refused: %s", self._blob, answer.data[:300])
            raise BlobMissing(self._blob)

    def abort(self) -> None:
        if self._over.is_set():
            return
        if (segment := self._segment) is not None:
            segment.cut()
        with self._lock:
            if self._over.is_set():
                return
            self._over.set()
            self._forget_segment()
            segments = [segment_name(self._blob, number) for number in range(1, self._begun + 1)]
            try:
                remove(self._account, self._blob, segments)
            except Unavailable as fault:
                log.info("what was written of %s is left to the sweep: %s", self._blob, fault.message)


def remove(account: Account, blob: str, segments: Iterable[str]) -> None:
    """Remove a blob, and what it consisted of; nothing of it need be there. Raises Unavailable.

    The manifest goes first: what is incomplete must not be found.
    """
    with suppress(Missing):
        account.ask("DELETE", account.path(CONTAINER, blob), patience=_REMOVAL_PATIENCE, seconds=_REMOVAL_SECONDS)
    lines = [quote(f"/{SEGMENTS}/{name}") for name in segments]
    if lines:
        body = "\n".join(lines).encode()
        plain = {"Content-Type": "text/plain", "Accept": "application/json"}
        account.ask(
            "POST", account.path() + "?bulk-delete", body=body, more=plain, patience=_REMOVAL_PATIENCE,
            seconds=STORE_SECONDS,
        )  # fmt: skip

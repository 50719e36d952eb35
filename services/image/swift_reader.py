"""Reading one blob from Swift: one long answer, taken up again elsewhere where it breaks off."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Final

import urllib3

from services.image.store import BlobMissing
from services.image.swift_account import BROKEN, Account, Missing, NoAnswer, judge
from services.image.swift_writer import CONTAINER
from services.platform.faults import Unavailable

#: Seconds for the beginning of an answer, and for each next piece of it.
_NEXT_SECONDS: Final = 4.0
_PAUSE: Final = 0.05


class SwiftReader:
    """A `BlobReader`. Reading on where the last read ended continues one answer; reading elsewhere asks anew."""

    def __init__(self, account: Account, blob: str) -> None:
        self._account, self._blob = account, blob
        self._path = account.path(CONTAINER, blob)
        self._lock = threading.Lock()
        self._answer: urllib3.BaseHTTPResponse | None = None
        self._root, self._position, self._closed = "", 0, False
        self.size = int(self._ask(0).headers["Content-Length"])

    def read(self, offset: int, length: int) -> bytes:
        with self._lock:
            length = max(0, min(length, self.size - offset))
            parts: list[bytes] = []
            give_up = time.monotonic() + self._account.patience
            while length and not self._closed:
                part = self._some(offset, length, give_up)
                if part:
                    parts.append(part)
                    offset, length = offset + len(part), length - len(part)
                    give_up = time.monotonic() + self._account.patience
            return parts[0] if len(parts) == 1 else b"".join(parts)

    def _some(self, offset: int, length: int, give_up: float) -> bytes:
        """At least one byte from `offset`, or none where the answer broke off."""
        answer = self._answer
        if answer is None or self._position != offset:
            answer = self._ask(offset)
        try:
            part = answer.read(length)
            if not part:
                raise NoAnswer("the data ended too early")
        except (*BROKEN, NoAnswer) as error:
            self._drop()
            self._account.shun(self._root, error)
            if time.monotonic() > give_up:
                raise Unavailable("The object storage broke the data off.") from error
            time.sleep(_PAUSE)
            return b""
        self._position += len(part)
        return part

    def _ask(self, offset: int) -> urllib3.BaseHTTPResponse:
        self._drop()
        more = {"Range": f"bytes={offset}-"} if offset else {}

        def work(root: str) -> urllib3.BaseHTTPResponse:
            answer = self._account.at(root, "GET", self._path, more=more, seconds=_NEXT_SECONDS, whole=False)
            try:
                judge(answer.status)
                if answer.status != (206 if offset else 200):
                    raise NoAnswer(f"status {answer.status}")
            except BaseException:
                answer.close()
                raise
            self._root = root
            return answer

        try:
            self._answer = self._account.anywhere(work)
        except Missing:
            raise BlobMissing(self._blob) from None
        self._position = offset
        return self._answer

    def _drop(self) -> None:
        """Return the connection where all was read, else end it."""
        if self._answer is not None:
            with suppress(*BROKEN):
                if self._position == self.size:
                    self._answer.release_conn()
                else:
                    self._answer.close()
            self._answer = None

    def close(self) -> None:
        self._closed = True
        with self._lock:
            self._drop()

"""The image service as compute sees it, in memory; and agents that die over a request to it.

What becomes of the next requests is decided by whoever uses it: `lost` (no answer, no effect), `unheard` (the effect,
but no answer), `killed` and `killed after` (the process dies before the request, or over its answer). An upload that
is `killed` half-way leaves an image that is `saving` until its lease ends.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

from services.compute.image_service import ImageFacts
from services.platform.faults import Unavailable
from services.platform.image_data import ImageGone

FATES = ("lost", "unheard", "killed", "killed after")

T = TypeVar("T")


class ProcessKilled(BaseException):
    """The process is no more: nothing of it catches this."""


@dataclass
class FakeImages:
    """See the module's head; `fates` are those of the next requests, in turn."""

    images: dict[str, ImageFacts] = field(default_factory=dict)
    data: dict[str, bytes] = field(default_factory=dict)
    fates: list[str] = field(default_factory=list)
    #: How often an image was filled: more than once would be a second set of bytes under one id.
    filled: dict[str, int] = field(default_factory=dict)
    downloads: int = 0
    away: bool = False

    def add(self, image_id: str, data: bytes) -> str:
        self.images[image_id], self.data[image_id] = facts(image_id, data), data
        return image_id

    def queue(self, image_id: str) -> None:
        """What the API does in the user's name."""
        self.images[image_id] = ImageFacts(image_id, "queued")

    def recover(self) -> None:
        """From now on all goes well; leases of uploads that died have ended."""
        self.fates.clear()
        self.away = False
        for image_id, image in self.images.items():
            if image.status == "saving":
                self.images[image_id] = replace(image, status="queued")

    # What compute asks.

    def show(self, image_id: str) -> ImageFacts | None:
        return self._asked(lambda: self.images.get(image_id))

    def download(self, image_id: str) -> Iterator[bytes]:
        def begin() -> bytes:
            self.downloads += 1
            if image_id not in self.data:
                raise ImageGone(image_id)
            return self.data[image_id]

        yield self._asked(begin)

    def upload(self, image_id: str, size: int, blocks: Iterator[bytes]) -> None:
        fate = self.fates[0] if self.fates else ""
        if fate == "killed" and self._status(image_id) == "queued":
            self.images[image_id] = replace(self.images[image_id], status="saving")
        self._asked(lambda: self._fill(image_id, size, blocks))

    def remove(self, image_id: str) -> None:
        self._asked(lambda: self.images.pop(image_id, None))

    def _status(self, image_id: str) -> str:
        return self.images[image_id].status if image_id in self.images else ""

    def _fill(self, image_id: str, size: int, blocks: Iterator[bytes]) -> None:
        data = b"".join(blocks)
        if image_id not in self.images:
            raise ImageGone(image_id)
        if self._status(image_id) != "queued":
            raise Unavailable(f"{image_id} is {self._status(image_id)}")
        assert len(data) == size
        self.filled[image_id] = self.filled.get(image_id, 0) + 1
        self.add(image_id, data)

    def _asked(self, effect: Callable[[], T]) -> T:
        if self.away:
            raise Unavailable
        match self.fates.pop(0) if self.fates else "":
            case "lost":
                raise Unavailable
            case "unheard":
                effect()
                raise Unavailable
            case "killed":
                raise ProcessKilled
            case "killed after":
                effect()
                raise ProcessKilled
        return effect()


def facts(image_id: str, data: bytes) -> ImageFacts:
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return ImageFacts(image_id, "active", len(data), md5, "sha512", hashlib.sha512(data).hexdigest())

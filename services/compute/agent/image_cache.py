"""A host's own copies of images: fetched once, verified, kept while there is room, the longest unused going first.

An image's data never changes and its id is never used again, so a copy needs no asking whether it is still right: what
is here boots while the image service is away.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections import defaultdict
from pathlib import Path
from typing import BinaryIO

from services.compute.image_service import ImageFacts, ImageService
from services.platform.image_data import ImageGone

log = logging.getLogger(__name__)

#: Data that comes damaged is fetched so often before it is believed to be damaged where it lies.
ATTEMPTS = 2
_PART = ".part"


class ImageDamaged(Exception):
    """The image's data is not what its digest says."""


class ImageCache:
    """The copies under one directory, which belongs to one process."""

    def __init__(self, directory: Path, images: ImageService, limit: int) -> None:
        """`limit`: how many bytes may stay here."""
        self._directory, self._images, self._limit = directory, images, limit
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._clearing = threading.Lock()
        directory.mkdir(parents=True, exist_ok=True)
        for left in directory.glob(f"*{_PART}"):
            left.unlink(missing_ok=True)

    def open(self, image_id: str) -> BinaryIO:
        """The image's data, fetched where it is not here; stays readable if it is removed meanwhile.

        Raises ImageGone, ImageDamaged, Unavailable.
        """
        path = self._directory / image_id
        with self._locks[image_id]:  # whoever wants the same image waits for the one who fetches it
            try:
                found = path.open("rb")
            except FileNotFoundError:
                self._fetch(image_id, path)
                found = path.open("rb")
            os.utime(path)
        self._make_room()
        return found

    def _fetch(self, image_id: str, path: Path) -> None:
        facts = self._images.show(image_id)
        if facts is None:
            raise ImageGone(f"Image {image_id} was deleted.")
        part = path.with_name(path.name + _PART)
        for _ in range(ATTEMPTS):
            try:
                if self._receive(facts, part):
                    part.replace(path)
                    log.info("image %s is cached: %d bytes", image_id, path.stat().st_size)
                    return
            finally:
                part.unlink(missing_ok=True)
            log.warning("the data of image %s came damaged", image_id)
        raise ImageDamaged(f"The data of image {image_id} is not what its digest says.")

    def _receive(self, facts: ImageFacts, part: Path) -> bool:
        """Whether what came is what the image says of itself."""
        md5 = hashlib.md5(usedforsecurity=False)
        known = facts.digest_name in hashlib.algorithms_available
        digest = hashlib.new(facts.digest_name) if known and facts.digest_name else None
        length = 0
        with part.open("wb") as file:
            for block in self._images.download(facts.id):
                file.write(block)
                length += len(block)
                for one in (md5, digest):
                    if one is not None:
                        one.update(block)
            file.flush()
            os.fsync(file.fileno())
        return (
            facts.size in (None, length)
            and facts.md5 in (None, "", md5.hexdigest())
            and (digest is None or facts.digest in (None, "", digest.hexdigest()))
        )

    def _make_room(self) -> None:
        """Remove the copies that were not asked for the longest until the others fit."""
        with self._clearing:
            held = [(path.stat(), path) for path in self._directory.iterdir() if path.suffix != _PART]
            total = sum(stat.st_size for stat, _ in held)
            for stat, path in sorted(held, key=lambda one: one[0].st_mtime_ns):
                if total <= self._limit:
                    return
                log.info("image %s leaves the cache", path.name)
                path.unlink(missing_ok=True)
                total -= stat.st_size

"""The root disks of fake guests: small real files that begin with their image's bytes.

A fake guest does one thing to its disk: at each boot it appends a line that says who it is and how often this disk has
been booted. So the bytes prove whose disk it is, and that it went on after it was moved. The file ends where the guest
has last written; the zeros from there to the flavor's size are neither kept nor copied.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from services.compute.agent.image_cache import ImageCache
from services.compute.image_service import BLOCK

_BOOT = re.compile(rb"\nQUORATE-GUEST boot=(\d+) instance=([0-9a-f-]+) order=(\d+) ([^\n]*)\n")
#: The lines at the end of a disk are looked for in so many of its last bytes.
_TAIL = 64 << 10


class DiskTooSmall(Exception):
    """The image does not fit on the flavor's disk."""


@dataclass(frozen=True, slots=True)
class Boot:
    """One boot, as the guest notes it. `order` is the number of the order that made it boot."""

    instance_id: str
    order: int
    about: str


class Disks:
    """The disks of one host, one file each under `directory`."""

    def __init__(self, directory: Path, cache: ImageCache) -> None:
        self._directory, self._cache = directory, cache
        directory.mkdir(parents=True, exist_ok=True)

    def _path(self, instance_id: str) -> Path:
        return self._directory / f"{instance_id}.raw"

    def make(self, instance_id: str, image_id: str, size_gb: int) -> None:
        """A disk with the image on it; one that is there already stays. `size_gb`: what the flavor allows, 0: anything.

        Raises DiskTooSmall and what the cache raises.
        """
        path = self._path(instance_id)
        if path.exists():
            return
        with self._cache.open(image_id) as image:
            length, room = os.fstat(image.fileno()).st_size, size_gb << 30
            if 0 < room < length:
                raise DiskTooSmall(
                    f"Flavor's disk is too small for requested image. Flavor disk is {room} bytes, image is {length} "
                    "bytes."
                )
            draft = path.with_suffix(".part")
            try:
                with draft.open("wb") as disk:
                    shutil.copyfileobj(image, disk, BLOCK)
                    disk.flush()
                    os.fsync(disk.fileno())
                draft.replace(path)
            finally:
                draft.unlink(missing_ok=True)

    def boot(self, instance_id: str, boot: Boot) -> None:
        """What a guest writes when it boots, once for each order. Nothing where the guest has no disk here."""
        path = self._path(instance_id)
        if not path.exists():
            return
        boots = _BOOT.findall(self._tail(path))
        number, last = 0, (b"", b"")
        if boots:
            number, last = int(boots[-1][0]), boots[-1][1:3]
        if last == (boot.instance_id.encode(), str(boot.order).encode()):
            return
        line = f"\nQUORATE-GUEST boot={number + 1} instance={boot.instance_id} order={boot.order} {boot.about}\n"
        with path.open("ab") as disk:
            disk.write(line.encode())
            disk.flush()
            os.fsync(disk.fileno())

    def boots(self, instance_id: str) -> list[str]:
        """The newest lines that guests wrote on this disk, oldest first."""
        path = self._path(instance_id)
        if not path.exists():
            return []
        return [match.group().decode(errors="replace").strip() for match in _BOOT.finditer(self._tail(path))]

    @staticmethod
    def _tail(path: Path) -> bytes:
        with path.open("rb") as disk:
            disk.seek(max(0, os.fstat(disk.fileno()).st_size - _TAIL))
            return disk.read()

    def length(self, instance_id: str) -> int | None:
        """Where the disk's content ends now. As guests only append, its first so many bytes are a snapshot."""
        path = self._path(instance_id)
        return path.stat().st_size if path.exists() else None

    def read(self, instance_id: str, length: int) -> Iterator[bytes]:
        """The disk's first `length` bytes. Raises FileNotFoundError where it is gone by now."""
        with self._path(instance_id).open("rb") as disk:
            while length > 0 and (block := disk.read(min(BLOCK, length))):
                length -= len(block)
                yield block

    def remove(self, instance_id: str) -> None:
        self._path(instance_id).unlink(missing_ok=True)

    def keep_only(self, instance_ids: set[str]) -> None:
        """Remove what a process that died has left half-made, or made for a guest that it never remembered."""
        for path in self._directory.iterdir():
            if path.suffix != ".raw" or path.stem not in instance_ids:
                path.unlink(missing_ok=True)

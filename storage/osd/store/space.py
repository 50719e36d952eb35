"""When to refuse data: well before the disk is full, so that what is journaled always finds room."""

from __future__ import annotations

import time
from pathlib import Path

from storage.errors import ClusterFull
from storage.osd.store.files import Disk

_OFTEN = 1.0
_STEP = 16 << 20


class Space:
    """Asks the file system once a second, and after every 16 MiB."""

    def __init__(self, disk: Disk, directory: Path, reserve: int, reserve_share: float) -> None:
        self._disk, self._directory = disk, directory
        self._reserve, self._share = reserve, reserve_share
        self._asked, self._since = 0.0, _STEP
        self._is_full = False

    def take(self, length: int) -> None:
        """Account for data that is about to be journaled. Raises ClusterFull."""
        now = time.monotonic()
        self._since += length
        if self._since >= _STEP or now - self._asked >= _OFTEN:
            self._asked, self._since = now, 0
            free, total = self._disk.space(self._directory)
            self._is_full = free - length < max(self._reserve, int(total * self._share))
        if self._is_full:
            raise ClusterFull(f"less than {self._reserve >> 20} MiB or {self._share:.0%} of the disk is free")

    def free(self) -> int:
        """Bytes that are free now."""
        return self._disk.space(self._directory)[0]

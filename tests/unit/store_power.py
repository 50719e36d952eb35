"""A disk in memory from which power can be taken at any call, and a loop and threads that are turned by hand."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from storage.osd.transaction import Buffer

SECTOR = 512
#: Where SQLite's files are fast, if there is such a place: they have no part in what is tried here.
FAST = "/dev/shm" if Path("/dev/shm").is_dir() else None


class PowerLoss(BaseException):
    """Not an Exception: nothing catches it on the way out."""


class PowerFile:
    """What is on the disk, what is in the page cache, and the writes between the two."""

    def __init__(self, disk: PowerDisk, sectors: dict[int, bytes]) -> None:
        self._disk = disk
        self.durable, self.cached = dict(sectors), dict(sectors)
        self.unsynced: list[tuple[int, bytes | None]] = []

    def write(self, offset: int, data: Buffer) -> None:
        assert offset % SECTOR == 0
        assert len(data) % SECTOR == 0
        for at in range(0, len(data), SECTOR):
            sector = bytes(data[at : at + SECTOR])
            self.cached[(offset + at) // SECTOR] = sector
            self.unsynced.append(((offset + at) // SECTOR, sector))
        self._disk.operate()

    def write_all(self, offset: int, pieces: Sequence[Buffer]) -> None:
        self.write(offset, b"".join(pieces))

    def read(self, offset: int, length: int) -> bytes:
        first, last = offset // SECTOR, (offset + length - 1) // SECTOR
        raw = b"".join(self.cached.get(sector, bytes(SECTOR)) for sector in range(first, last + 1))
        return raw[offset - first * SECTOR :][:length]

    def sync(self) -> None:
        self._disk.operate()
        self.durable = dict(self.cached)
        self.unsynced.clear()

    def punch(self, offset: int, length: int) -> None:
        for sector in [sector for sector in self.cached if offset <= sector * SECTOR < offset + length]:
            del self.cached[sector]
            self.unsynced.append((sector, None))
        self._disk.operate()

    def forget(self, offset: int, length: int) -> None:
        pass

    def taken(self) -> int:
        return len(self.cached) * SECTOR

    def close(self) -> None:
        pass

    def after_power_loss(self, random: Random) -> dict[int, bytes]:
        """The durable sectors, and any part of what was written since."""
        sectors, likely = dict(self.durable), random.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        for sector, data in self.unsynced:
            if random.random() < likely:
                if data is None:
                    sectors.pop(sector, None)
                else:
                    sectors[sector] = data
        return sectors

    def flip(self, offset: int) -> None:
        """One bit of the disk changes by itself."""
        sector = bytearray(self.cached[offset // SECTOR])
        sector[offset % SECTOR] ^= 1
        self.cached[offset // SECTOR] = self.durable[offset // SECTOR] = bytes(sector)


class PowerDisk:
    """`fuse` calls from now, power goes."""

    def __init__(self) -> None:
        self.files: dict[str, PowerFile] = {}
        self.fuse: int | None = None
        self.free = 1 << 40

    def operate(self) -> None:
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                raise PowerLoss

    def open(self, path: Path) -> PowerFile:
        return self.files.setdefault(path.name, PowerFile(self, {}))

    def space(self, directory: Path) -> tuple[int, int]:
        return self.free, 1 << 40

    def lose_power(self, random: Random) -> None:
        """What was not synced may be gone."""
        self.fuse = None
        self.files = {name: PowerFile(self, file.after_power_loss(random)) for name, file in self.files.items()}


class HandLoop:
    """Callbacks wait until somebody turns the loop."""

    def __init__(self) -> None:
        self._due: deque[Callable[[], object]] = deque()

    def call_soon(self, callback: Callable[[], object], /) -> None:
        self._due.append(callback)

    call_soon_threadsafe = call_soon

    def turn(self) -> bool:
        """Run what is due now; whether there was anything."""
        due = list(self._due)
        self._due.clear()
        for callback in due:
            callback()
        return bool(due)


class HandOutcome:
    """Work that is done when somebody turns the threads, or needs its result."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work: Callable[[], None] | None = work
        self._error: Exception | None = None
        self._callbacks: list[Callable[[Any], object]] = []

    def run(self) -> None:
        work, self._work = self._work, None
        if work is None:
            return
        try:
            work()
        except Exception as error:
            self._error = error
        for callback in self._callbacks:
            callback(self)

    def result(self) -> None:
        self.run()
        if self._error:
            raise self._error

    def add_done_callback(self, callback: Callable[[Any], object], /) -> None:
        self._callbacks.append(callback)


class HandThreads:
    """Work waits until somebody turns the threads."""

    def __init__(self) -> None:
        self._outcomes: deque[HandOutcome] = deque()

    def submit(self, work: Callable[[], None], /) -> HandOutcome:
        outcome = HandOutcome(work)
        self._outcomes.append(outcome)
        return outcome

    def turn(self, *, newest: bool = False) -> bool:
        """Do the oldest (or newest) piece of work; whether there was one."""
        if not self._outcomes:
            return False
        outcome = self._outcomes.pop() if newest else self._outcomes.popleft()
        outcome.run()
        return True

"""Where maps are kept: each epoch is written once, by whoever comes first. etcd in the lab, a folder or memory else."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Protocol


class MapStoreUnavailable(Exception):
    """The store does not answer (etcd without a majority): maps can't change now; those known still hold."""


class MapStore(Protocol):
    """Blocking; every call may raise MapStoreUnavailable."""

    def newest(self) -> tuple[int, bytes] | None:
        """The newest epoch and its map, or None where there is none yet."""
        ...

    def between(self, first: int, last: int) -> list[bytes]:
        """The maps of these epochs, both included, oldest first."""
        ...

    def put(self, epoch: int, data: bytes) -> bool:
        """Write the map of an epoch if nobody has, and the one before is there: whether this was it. Durable on return.

        A monitor that slept while many maps were made, and forgotten, knows none that is there.
        """
        ...

    def trim(self, floor: int) -> None:
        """Forget maps before an epoch."""
        ...


class MemoryMapStore:
    """For models and tests."""

    def __init__(self) -> None:
        self._maps: dict[int, bytes] = {}

    def newest(self) -> tuple[int, bytes] | None:
        return max(self._maps.items(), default=None)

    def between(self, first: int, last: int) -> list[bytes]:
        return [self._maps[epoch] for epoch in sorted(self._maps) if first <= epoch <= last]

    def put(self, epoch: int, data: bytes) -> bool:
        if epoch in self._maps or (epoch > 1 and epoch - 1 not in self._maps):
            return False
        return self._maps.setdefault(epoch, data) is data  # several threads may be here

    def trim(self, floor: int) -> None:
        for epoch in [epoch for epoch in self._maps if epoch < floor]:
            del self._maps[epoch]


class FolderMapStore:
    """One file for each epoch, for an embedded cluster with one monitor."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for draft in folder.glob("*.new"):
            draft.unlink()  # of a process that died
        self._folder = folder

    def _epochs(self) -> list[int]:
        return sorted(int(path.stem) for path in self._folder.glob("*.json"))

    def _path(self, epoch: int) -> Path:
        return self._folder / f"{epoch:010}.json"

    def newest(self) -> tuple[int, bytes] | None:
        epochs = self._epochs()
        return (epochs[-1], self._path(epochs[-1]).read_bytes()) if epochs else None

    def between(self, first: int, last: int) -> list[bytes]:
        return [self._path(epoch).read_bytes() for epoch in self._epochs() if first <= epoch <= last]

    def put(self, epoch: int, data: bytes) -> bool:
        if epoch > 1 and not self._path(epoch - 1).exists():
            return False
        draft = self._folder / f"{epoch}.{secrets.token_hex(4)}.new"
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, self._path(epoch))
        except FileExistsError:
            return False
        finally:
            draft.unlink()
        self._sync_folder()
        return True

    def _sync_folder(self) -> None:
        """Names are durable as well as what they name."""
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def trim(self, floor: int) -> None:
        for epoch in self._epochs():
            if epoch < floor:
                self._path(epoch).unlink()

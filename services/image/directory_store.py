"""Image data as files in one directory on a volume that all replicas see.

`<name>.part` while it is written; renamed to `<name>` once its bytes are on the disk.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from services.image.store import BlobMissing, StoreFull

_PART: Final = ".part"
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class DirectoryStore:
    """A `BlobStore` of files."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def create(self, name: str) -> FileWriter:
        return FileWriter(self._directory, name)

    def open(self, name: str) -> FileReader:
        return FileReader(self._directory / name)

    def delete(self, name: str) -> None:
        for path in (self._directory / name, self._directory / (name + _PART)):
            with suppress(FileNotFoundError):
                path.unlink()

    def names(self, older_than_seconds: float) -> Iterator[str]:
        newest = time.time() - older_than_seconds
        with os.scandir(self._directory) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    if entry.is_file() and entry.stat().st_mtime <= newest:
                        yield entry.name.removesuffix(_PART)


class FileWriter:
    """A `BlobWriter` of one file. The lock is for `abort`, which may come while another thread is still writing."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._path = directory / name
        self._part = directory / (name + _PART)
        self._lock = threading.Lock()
        self._fd = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)

    def write(self, block: bytes) -> None:
        rest = memoryview(block)
        with self._lock, no_room_is_store_full():
            while rest and self._fd >= 0:
                rest = rest[os.write(self._fd, rest) :]

    def commit(self) -> None:
        with self._lock:
            with no_room_is_store_full():
                os.fsync(self._fd)
            self._close()
            try:
                os.rename(self._part, self._path)
            except FileNotFoundError:
                raise BlobMissing(self._path.name) from None
            _sync_directory(self._directory)

    def abort(self) -> None:
        with self._lock:
            self._close()
            with suppress(FileNotFoundError):
                self._part.unlink()

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class FileReader:
    """A `BlobReader` of one file."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("rb", buffering=0)
        except FileNotFoundError:
            raise BlobMissing(path.name) from None
        self.size = os.fstat(self._file.fileno()).st_size

    def read(self, offset: int, length: int) -> bytes:
        return os.pread(self._file.fileno(), length, offset)

    def close(self) -> None:
        self._file.close()


@contextmanager
def no_room_is_store_full() -> Iterator[None]:
    """Turns the system's errors that mean `no room` into StoreFull."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StoreFull from error
        raise


def _sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

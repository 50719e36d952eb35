"""Files as the store uses them: a small interface, so that tests can take power away between any two calls."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from storage.osd.transaction import Buffer

BALLAST = "ballast"
_IOV_MAX = 1024
_KEEP_SIZE_AND_PUNCH_HOLE = 0x01 | 0x02
_libc = ctypes.CDLL(None, use_errno=True)
_libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_longlong, ctypes.c_longlong]


class File(Protocol):
    """A file with holes. Nothing written survives power loss before `sync`, and any part of it may."""

    def write(self, offset: int, data: Buffer) -> None: ...
    def write_all(self, offset: int, pieces: Sequence[Buffer]) -> None:
        """Write the pieces one behind the other."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Shorter at the end of the file."""
        ...

    def sync(self) -> None:
        """Return when all that was written is on the disk. After an error nothing is known of it (never try again)."""
        ...

    def punch(self, offset: int, length: int) -> None:
        """Give the space back; reads as zeros, where the file system can do it."""
        ...

    def forget(self, offset: int, length: int) -> None:
        """Let the next read come from the disk, not from memory, if that can be had."""
        ...

    def taken(self) -> int:
        """Bytes of the disk that the file takes."""
        ...

    def close(self) -> None: ...


class Disk(Protocol):
    """Where the files are."""

    def open(self, path: Path) -> File:
        """For reading and writing; made where it is missing."""
        ...

    def space(self, directory: Path) -> tuple[int, int]:
        """Bytes that are free, and bytes in all."""
        ...


class DiskFile:
    """The real thing."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, offset: int, data: Buffer) -> None:
        written = os.pwrite(self._fd, data, offset)
        if written != len(data):
            self._write_rest(offset, data, written)

    def write_all(self, offset: int, pieces: Sequence[Buffer]) -> None:
        for start in range(0, len(pieces), _IOV_MAX):
            some = pieces[start : start + _IOV_MAX]
            length, written = sum(map(len, some)), os.pwritev(self._fd, some, offset)
            if written != length:
                self._write_rest(offset, b"".join(some), written)
            offset += length

    def _write_rest(self, offset: int, data: Buffer, written: int) -> None:
        view = memoryview(data)
        while written < len(view):
            written += os.pwrite(self._fd, view[written:], offset + written)

    def read(self, offset: int, length: int) -> bytes:
        return os.pread(self._fd, length, offset)

    def sync(self) -> None:
        os.fdatasync(self._fd)

    def punch(self, offset: int, length: int) -> None:
        if _libc.fallocate(self._fd, _KEEP_SIZE_AND_PUNCH_HOLE, offset, length):
            code = ctypes.get_errno()
            if code not in {errno.EOPNOTSUPP, errno.ENOSYS}:
                raise OSError(code, os.strerror(code))

    def forget(self, offset: int, length: int) -> None:
        os.posix_fadvise(self._fd, offset, length, os.POSIX_FADV_DONTNEED)

    def taken(self) -> int:
        return os.fstat(self._fd).st_blocks * 512

    def close(self) -> None:
        os.close(self._fd)


class RealDisk:
    """The operating system's.

    A file named `ballast` in a directory counts with its whole length, holes too: so a disk is full on purpose, and so
    an operator keeps some of it back.
    """

    def open(self, path: Path) -> File:
        return DiskFile(path)

    def space(self, directory: Path) -> tuple[int, int]:
        status = os.statvfs(directory)
        free = status.f_bavail * status.f_frsize - _holes(directory / BALLAST)
        return max(0, free), status.f_blocks * status.f_frsize


def _holes(path: Path) -> int:
    """Bytes of a file's length that take no space; 0 where there is no such file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0
    return max(0, found.st_size - found.st_blocks * 512)

"""Whose store a directory is: written last when a store is made, so that half a store is never taken for one."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import msgspec

FORMAT = 1
NAME = "superblock"


class StoreBusy(Exception):
    """Another process has the store open."""


class NoStore(Exception):
    """The directory holds no store that this version can read."""


class Superblock(msgspec.Struct, frozen=True, kw_only=True):
    """Who the store belongs to, and what can't be changed later."""

    fsid: str
    osd_uuid: str
    osd_id: int
    journal_size: int
    format: int = FORMAT


def exists(directory: Path) -> bool:
    """A store was made here."""
    return (directory / NAME).exists()


def read(directory: Path) -> Superblock:
    """Raises NoStore."""
    try:
        superblock = msgspec.json.decode((directory / NAME).read_bytes(), type=Superblock)
    except (OSError, msgspec.MsgspecError) as error:
        raise NoStore(f"{directory} holds no store: {error}") from error
    if superblock.format != FORMAT:
        raise NoStore(f"{directory} holds a store of format {superblock.format}; this version reads {FORMAT}")
    return superblock


def write(directory: Path, superblock: Superblock) -> None:
    """Durable, all or nothing."""
    draft = directory / f"{NAME}.new"
    with draft.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(superblock), indent=2))
        file.flush()
        os.fsync(file.fileno())
    draft.rename(directory / NAME)
    sync_directory(directory)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class DirectoryLock:
    """Held from opening to closing, given up by the death of the process. Raises StoreBusy."""

    def __init__(self, directory: Path) -> None:
        self._descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._descriptor)
            raise StoreBusy(f"{directory} is in use by another process") from error

    def release(self) -> None:
        os.close(self._descriptor)

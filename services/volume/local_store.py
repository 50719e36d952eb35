"""A `BlockStore` of sparse files in one directory, for a cloud without a cluster: laptops and tests.

Each image is a directory `<name>` with `head`, `snapshots/<name>` and `info.json`; a clone is a copy of the allocated
parts, and remembers its parent until it is flattened, so that the rules of librbd hold. Several processes may share
the directory: whatever changes names happens under one lock, and each image appears and goes in one rename.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from storage.client.block_store import Device, ImageInfo, ParentInfo, SnapshotInfo
from storage.errors import (
    BadRequest,
    ClusterFull,
    ImageBusy,
    ImageExists,
    ImageNotFound,
    ReadOnly,
    SnapshotExists,
    SnapshotNotFound,
    Unavailable,
)

_OBJECT_SIZE: Final = 4 << 20
_COPY: Final = 1 << 20


class LocalStore:
    """Images as files under `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._threads = threading.RLock()
        self._depth = 0

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone among threads, and (from the outermost call on) among processes."""
        try:
            with self._threads, contextlib.ExitStack() as stack:
                if self._depth == 0:
                    lock = stack.enter_context((self._directory / ".lock").open("w"))
                    fcntl.flock(lock, fcntl.LOCK_EX)
                self._depth += 1
                try:
                    yield
                finally:
                    self._depth -= 1
        except OSError as error:
            kind = ClusterFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else Unavailable
            raise kind(str(error)) from error

    def _image(self, name: str) -> Path:
        if not name or name.startswith(".") or "/" in name or len(name) > 200:
            raise BadRequest(f"not a name for an image: {name!r}")
        return self._directory / name

    def _read(self, name: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self._image(name) / "info.json").read_text())
        except (FileNotFoundError, NotADirectoryError):
            raise ImageNotFound(name) from None
        return found

    def _write(self, name: str, info: dict[str, Any]) -> None:
        path = self._image(name) / "info.json"
        part = path.with_suffix(".part")
        part.write_text(json.dumps(info))
        part.replace(path)

    def _make(self, name: str, size: int, source: Path | None, parent: dict[str, Any] | None) -> None:
        if size < 0:
            raise BadRequest("a size cannot be negative")
        target = self._image(name)
        if target.exists():
            raise ImageExists(name)
        made = self._directory / f".new-{uuid.uuid4().hex}"
        (made / "snapshots").mkdir(parents=True)
        try:
            _copy_sparse(source, made / "head", size)
            info = {"id": uuid.uuid4().hex[:12], "size": size, "snapshots": [], "next": 1, "parent": parent}
            (made / "info.json").write_text(json.dumps(info))
            made.rename(target)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise

    def close(self) -> None:
        """Nothing is held open."""

    def create(self, name: str, size: int) -> None:
        with self._locked():
            self._make(name, size, None, None)

    def remove(self, name: str) -> None:
        with self._locked():
            if self._read(name)["snapshots"]:
                raise ImageBusy(f"{name} has snapshots")
            gone = self._directory / f".gone-{uuid.uuid4().hex}"
            self._image(name).rename(gone)
            shutil.rmtree(gone)

    def rename(self, name: str, new_name: str) -> None:
        with self._locked():
            self._read(name)
            if self._image(new_name).exists():
                raise ImageExists(new_name)
            self._image(name).rename(self._image(new_name))
            for child in self.list():
                info = self._read(child)
                if info["parent"] and info["parent"]["image"] == name:
                    self._write(child, info | {"parent": info["parent"] | {"image": new_name}})

    def resize(self, name: str, size: int) -> None:
        with self._locked():
            info = self._read(name)
            os.truncate(self._image(name) / "head", size)
            self._write(name, info | {"size": size})

    def info(self, name: str) -> ImageInfo:
        info = self._read(name)
        parent = info["parent"]
        return ImageInfo(
            name=name,
            id=info["id"],
            size=info["size"],
            object_size=_OBJECT_SIZE,
            snapshots=tuple(SnapshotInfo(**one) for one in info["snapshots"]),
            parent=ParentInfo(parent["image"], parent["snapshot"], parent["overlap"]) if parent else None,
            lock_owner=None,
        )

    def _snapshot(self, name: str, snapshot: str) -> tuple[dict[str, Any], dict[str, Any]]:
        info = self._read(name)
        for one in info["snapshots"]:
            if one["name"] == snapshot:
                return info, one
        raise SnapshotNotFound(f"{name}@{snapshot}")

    def create_snapshot(self, name: str, snapshot: str) -> None:
        with self._locked():
            info = self._read(name)
            if any(one["name"] == snapshot for one in info["snapshots"]):
                raise SnapshotExists(f"{name}@{snapshot}")
            path = self._image(name) / "snapshots" / snapshot
            _copy_sparse(self._image(name) / "head", path, info["size"])
            made = {"id": info["next"], "name": snapshot, "size": info["size"], "protected": False}
            self._write(name, info | {"snapshots": [*info["snapshots"], made], "next": info["next"] + 1})

    def remove_snapshot(self, name: str, snapshot: str) -> None:
        with self._locked():
            info, one = self._snapshot(name, snapshot)
            if one["protected"]:
                raise ImageBusy(f"{name}@{snapshot} is protected")
            self._write(name, info | {"snapshots": [other for other in info["snapshots"] if other is not one]})
            (self._image(name) / "snapshots" / snapshot).unlink(missing_ok=True)

    def protect(self, name: str, snapshot: str) -> None:
        with self._locked():
            info, one = self._snapshot(name, snapshot)
            one["protected"] = True
            self._write(name, info)

    def unprotect(self, name: str, snapshot: str) -> None:
        with self._locked():
            info, one = self._snapshot(name, snapshot)
            if self.children(name, snapshot):
                raise ImageBusy(f"{name}@{snapshot} has children")
            one["protected"] = False
            self._write(name, info)

    def children(self, name: str, snapshot: str) -> list[str]:
        with self._locked():
            self._snapshot(name, snapshot)
            return [child for child in self.list() if self._is_child(child, name, snapshot)]

    def _is_child(self, child: str, name: str, snapshot: str) -> bool:
        parent = self._read(child)["parent"]
        return bool(parent and parent["image"] == name and parent["snapshot"] == snapshot)

    def list(self) -> list[str]:
        return sorted(path.name for path in self._directory.iterdir() if not path.name.startswith("."))

    def clone(self, parent: str, snapshot: str, child: str, size: int | None = None) -> None:
        with self._locked():
            _, one = self._snapshot(parent, snapshot)
            if not one["protected"]:
                raise BadRequest(f"{parent}@{snapshot} is not protected")
            wanted = one["size"] if size is None else size
            origin = {"image": parent, "snapshot": snapshot, "overlap": min(wanted, one["size"])}
            self._make(child, wanted, self._image(parent) / "snapshots" / snapshot, origin)

    def flatten(self, name: str) -> None:
        with self._locked():
            self._write(name, self._read(name) | {"parent": None})

    def rollback(self, name: str, snapshot: str) -> None:
        with self._locked():
            info, one = self._snapshot(name, snapshot)
            part = self._image(name) / "head.part"
            _copy_sparse(self._image(name) / "snapshots" / snapshot, part, one["size"])
            part.replace(self._image(name) / "head")
            self._write(name, info | {"size": one["size"]})

    def open(self, name: str, *, snapshot: str | None = None, read_only: bool = False) -> Device:
        with self._locked():
            if snapshot is None:
                self._read(name)
                return FileDevice(self._image(name) / "head", read_only=read_only)
            self._snapshot(name, snapshot)
            return FileDevice(self._image(name) / "snapshots" / snapshot, read_only=True)


class FileDevice:
    """An open image."""

    def __init__(self, path: Path, *, read_only: bool) -> None:
        self._read_only = read_only
        self._fd = os.open(path, (os.O_RDONLY if read_only else os.O_RDWR) | os.O_CLOEXEC)

    @property
    def size(self) -> int:
        return os.fstat(self._fd).st_size

    def _within(self, offset: int, length: int) -> None:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise BadRequest(f"{length} bytes at {offset} are beyond the end")

    def read(self, offset: int, length: int) -> bytes:
        self._within(offset, length)
        return os.pread(self._fd, length, offset)

    def write(self, offset: int, data: bytes) -> None:
        if self._read_only:
            raise ReadOnly("opened for reading")
        self._within(offset, len(data))
        try:
            os.pwrite(self._fd, data, offset)
        except OSError as error:
            kind = ClusterFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else Unavailable
            raise kind(str(error)) from error

    def discard(self, offset: int, length: int) -> None:
        while length > 0:
            step = min(length, _COPY)
            self.write(offset, bytes(step))
            offset, length = offset + step, length - step

    def flush(self) -> None:
        os.fsync(self._fd)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _copy_sparse(source: Path | None, target: Path, size: int) -> None:
    """A file of `size` bytes with what `source` has of them, holes kept."""
    with target.open("wb") as out:
        out.truncate(size)
        if source is None:
            return
        with source.open("rb") as origin:
            for start, end in _allocated(origin.fileno(), min(size, os.fstat(origin.fileno()).st_size)):
                offset = start
                while offset < end:
                    block = os.pread(origin.fileno(), min(_COPY, end - offset), offset)
                    os.pwrite(out.fileno(), block, offset)
                    offset += len(block)


def _allocated(fd: int, size: int) -> Iterator[tuple[int, int]]:
    end = 0
    while end < size:
        try:
            start = os.lseek(fd, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return  # nothing but a hole up to the end
            raise
        if start >= size:
            return
        end = min(os.lseek(fd, start, os.SEEK_HOLE), size)
        yield start, end

"""What is known of an image: the contents of its `rbd_header.<id>` object, and what follows from them. Pure.

All changes are compare-and-swaps of the whole header (`image_store`), so a header always is the result of one decision.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from storage.errors import BadRequest, ImageBusy, SnapshotNotFound
from storage.names import SnapContext

#: Data objects are of 2^ORDER bytes.
ORDER: Final = 22
_LONGEST_NAME: Final = 200
_LARGEST: Final = 1 << 60


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot. Only a `ready` one is seen from outside.

    `pending`: the lock's owner does not know of it for sure. `removing`: its objects are being trimmed.
    """

    id: int
    name: str
    size: int
    #: Up to where it reads through to the image's parent, bytes.
    overlap: int
    protected: bool = False
    #: Unix time.
    created: float = 0.0
    state: Literal["pending", "ready", "removing"] = "ready"


class Parent(msgspec.Struct, frozen=True):
    """The snapshot that a clone was made of, by ids."""

    image: str
    snapshot: int


class Child(msgspec.Struct, frozen=True):
    """A clone (its id) of one of this image's snapshots."""

    snapshot: int
    image: str


class Lock(msgspec.Struct, frozen=True):
    """The exclusive lock: which client, and which of its open images."""

    owner: str
    cookie: str


class Trim(msgspec.Struct, frozen=True, tag="trim"):
    """The image was shrunk, but objects beyond its end may remain."""


class Rollback(msgspec.Struct, frozen=True, tag="rollback"):
    """The image is on its way back to a snapshot: a mixture until that is finished."""

    snapshot: int


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """An image. `filling`: an import that is not seen from outside until it is whole; `removing`: to be finished."""

    id: str
    name: str
    size: int
    order: int = ORDER
    state: Literal["live", "filling", "removing"] = "live"
    #: The newest snapshot number that was ever given away.
    snap_seq: int = 0
    #: Oldest first.
    snapshots: tuple[Snapshot, ...] = ()
    parent: Parent | None = None
    #: Up to where the head reads through to the parent, bytes; shrinks with the image, and never grows.
    overlap: int = 0
    #: Up to where it ever did: objects below are emptied rather than removed, so that no late copy brings one back.
    inherited: int = 0
    children: tuple[Child, ...] = ()
    lock: Lock | None = None
    #: What must be finished before the image can be opened for writing.
    unfinished: Trim | Rollback | None = None
    #: The name that it is about to get.
    renaming: str | None = None

    @property
    def object_size(self) -> int:
        return 1 << self.order

    @property
    def snap_context(self) -> SnapContext:
        """What every write must carry: all snapshots that anybody may still read."""
        kept = tuple(one.id for one in reversed(self.snapshots) if one.state != "removing")
        return SnapContext(self.snap_seq, kept)

    @property
    def visible(self) -> tuple[Snapshot, ...]:
        """The snapshots that are seen from outside."""
        return tuple(one for one in self.snapshots if one.state == "ready")

    def snapshot(self, name: str) -> Snapshot:
        """Raises SnapshotNotFound."""
        for one in self.visible:
            if one.name == name:
                return one
        raise SnapshotNotFound(f"image {self.name} has no snapshot {name}")

    def snapshot_by_id(self, number: int) -> Snapshot:
        """In any state. Raises SnapshotNotFound."""
        for one in self.snapshots:
            if one.id == number:
                return one
        raise SnapshotNotFound(f"image {self.name} has no snapshot with the id {number}")

    def with_snapshot(self, changed: Snapshot) -> Header:
        """With the snapshot of this id replaced."""
        snapshots = tuple(changed if one.id == changed.id else one for one in self.snapshots)
        return msgspec.structs.replace(self, snapshots=snapshots)

    def require_whole(self) -> None:
        """Raises ImageBusy while a rollback is half done."""
        if isinstance(self.unfinished, Rollback):
            raise ImageBusy(f"a rollback of image {self.name} was interrupted: repeat it")


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Header).decode


def encode(header: Header) -> bytes:
    """As JSON: what the object holds."""
    return _encode(header)


def decode(data: bytes | memoryview) -> Header:
    """The inverse of `encode`."""
    return _decode(data)


def check_name(name: str) -> None:
    """Raises BadRequest for what can't be the name of an image or a snapshot."""
    if not name or len(name) > _LONGEST_NAME or not name.isprintable() or "/" in name or "@" in name:
        raise BadRequest(f"not a name: {name!r}; printable characters but / and @, at most {_LONGEST_NAME}")


def check_size(size: int) -> None:
    """Raises BadRequest for what can't be the size of an image."""
    if not 0 <= size <= _LARGEST:
        raise BadRequest(f"not a size for an image: {size}")

"""What an OSD knows about an object besides its bytes, and which of its versions a snapshot sees.

As in RADOS: a write that knows of a newer snapshot than the object first clones the head; the clone serves all
snapshots up to its number that no older clone serves. A head that was removed while clones live stays as a whiteout.
"""

from __future__ import annotations

import msgspec

from storage.names import HEAD, NO_VERSION, ObjectId, Version


class CloneInfo(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A clone: its number is the newest snapshot it serves."""

    snap: int
    snaps: tuple[int, ...]
    size: int
    version: Version


class ObjectState(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Of a head; of a clone, only version and size mean anything. Bytes of a block beyond the size are zero."""

    version: Version = NO_VERSION
    size: int = 0
    whiteout: bool = False
    #: The newest snapshot that the head knows of.
    snap_seq: int = 0
    #: Oldest first.
    clones: tuple[CloneInfo, ...] = ()

    @property
    def exists(self) -> bool:
        """Whether clients see a head."""
        return self.version != NO_VERSION and not self.whiteout


NOTHING = ObjectState()
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(ObjectState)
encode_state = _encoder.encode


def decode_state(info: bytes | None) -> ObjectState:
    """The state that a store's info says; NOTHING for None."""
    return NOTHING if info is None else _decoder.decode(info)


def number_of(version: Version) -> int:
    """A version as the one number that clients compare; never 0 for a version that exists."""
    return (version[0] << 40) | version[1]


def seen_at(name: str, head: ObjectState, snap: int) -> tuple[ObjectId, int] | None:
    """Which object has the bytes that a snapshot sees, and their size; None where there was nothing."""
    if snap == HEAD or snap > head.snap_seq:
        return (ObjectId(name), head.size) if head.exists else None
    clone = next((clone for clone in head.clones if clone.snap >= snap), None)
    if clone is None or snap not in clone.snaps:
        return None
    return ObjectId(name, clone.snap), clone.size

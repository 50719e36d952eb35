"""The words of the store: what objects, placement groups and versions are called, and sizes that everybody shares."""

from __future__ import annotations

from typing import NamedTuple

#: The unit of checksums and of the smallest write on a disk, bytes.
BLOCK = 4096
#: The size of a data object of an image, bytes (order 22, as in RBD).
OBJECT_SIZE = 4 << 20
#: The snapshot number of an object as it is now.
HEAD = 0


class PgId(NamedTuple):
    """A placement group: the objects of a pool whose names hash alike."""

    pool: int
    seed: int

    def __str__(self) -> str:
        return f"{self.pool}.{self.seed:x}"

    @classmethod
    def parse(cls, text: str) -> PgId:
        """The inverse of `str`: "1.1f". Raises ValueError."""
        pool, _, seed = text.partition(".")
        return cls(int(pool), int(seed, 16))


class ObjectId(NamedTuple):
    """An object, or (with a snapshot number) what one was like when that snapshot was taken."""

    name: str
    snap: int = HEAD

    def __str__(self) -> str:
        return f"{self.name}:{self.snap or 'head'}"


class Version(NamedTuple):
    """The place of a change in the history of a placement group (Ceph's eversion): compared as a pair."""

    epoch: int
    number: int

    def __str__(self) -> str:
        return f"{self.epoch}'{self.number}"


#: Before the first change.
NO_VERSION = Version(0, 0)


class SnapContext(NamedTuple):
    """Which snapshots a writer knows of: the newest number, and all that exist, newest first (as RADOS has it)."""

    seq: int = 0
    snaps: tuple[int, ...] = ()


NO_SNAPS = SnapContext()

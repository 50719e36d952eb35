"""What a placement group stands on: a local store of objects. One on disk, one in memory for models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from storage.names import ObjectId, PgId
from storage.osd.transaction import Transaction


class BlocksDamaged(Exception):
    """Blocks whose bytes do not fit their checksums: another replica has them right."""

    def __init__(self, pg: PgId, object_id: ObjectId, blocks: tuple[int, ...]) -> None:
        super().__init__(f"{object_id} of {pg}: {len(blocks)} damaged blocks, the first at block {blocks[0]}")
        self.pg, self.object_id, self.blocks = pg, object_id, blocks


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes of the disk: all, and what this store takes."""

    total: int
    used: int


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """What reading an object from the disk said: a digest over info and all blocks, and the blocks that are damaged."""

    digest: int
    damaged: tuple[int, ...]


class ObjectStore(Protocol):
    """Changes become visible to reads when they are durable, in the order in which they were submitted."""

    def submit(self, transaction: Transaction, on_durable: Callable[[], None]) -> None:
        """Journal a change. `on_durable` is called, in order, in the loop's thread, when it survives power loss."""
        ...

    def info(self, pg: PgId, object_id: ObjectId) -> bytes | None:
        """What a Put last said of the object; None where there is none."""
        ...

    def read(self, pg: PgId, object_id: ObjectId, block: int, count: int) -> bytes | memoryview:
        """`count` whole blocks; holes and what lies beyond the last block are zeros. Raises BlocksDamaged."""
        ...

    def extents(self, pg: PgId, object_id: ObjectId) -> list[tuple[int, int]]:
        """The blocks that are no holes, as (first block, count) in order."""
        ...

    def meta(self, pg: PgId, key: str) -> bytes | None:
        """A placement group's value; None where there is none."""
        ...

    def meta_range(self, pg: PgId, first: str, end: str) -> list[tuple[str, bytes]]:
        """All keys with first <= key < end, in order, with their values."""
        ...

    def pgs(self) -> list[PgId]:
        """All placement groups of which anything is stored."""
        ...

    def scrub(self, pg: PgId, object_id: ObjectId) -> Scrubbed:
        """Read all of an object from the disk."""
        ...

    def usage(self) -> Usage: ...

    def close(self) -> None:
        """End in good order: all that was submitted is durable."""
        ...

    def list(self, pg: PgId, after: ObjectId | None = None, limit: int = 1000) -> list[tuple[ObjectId, bytes]]:
        """Objects and their infos in the order of ids, beginning behind `after`."""
        ...

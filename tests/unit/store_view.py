"""All that an object store says through its interface, as values that can be compared."""

from __future__ import annotations

from dataclasses import dataclass

from storage.names import BLOCK, ObjectId, PgId
from storage.osd.object_store import ObjectStore

LAST_KEY = "\U0010ffff"


@dataclass(frozen=True)
class ObjectView:
    info: bytes
    extents: tuple[tuple[int, int], ...]
    data: bytes
    digest: int
    damaged: tuple[int, ...]


@dataclass(frozen=True)
class GroupView:
    objects: dict[ObjectId, ObjectView]
    keys: tuple[tuple[str, bytes], ...]


def view(store: ObjectStore) -> dict[PgId, GroupView]:
    """Everything."""
    return {
        pg: GroupView(
            {object_id: _object(store, pg, object_id, info) for object_id, info in store.list(pg)},
            tuple(store.meta_range(pg, "", LAST_KEY)),
        )
        for pg in store.pgs()
    }


def _object(store: ObjectStore, pg: PgId, object_id: ObjectId, info: bytes) -> ObjectView:
    assert store.info(pg, object_id) == info
    extents = tuple(store.extents(pg, object_id))
    end = sum(extents[-1]) if extents else 0
    data = bytes(store.read(pg, object_id, 0, end + 1))
    holes = set(range(end + 1)) - {number for first, count in extents for number in range(first, first + count)}
    assert all(data[number * BLOCK : (number + 1) * BLOCK] == bytes(BLOCK) for number in holes)
    scrubbed = store.scrub(pg, object_id)
    return ObjectView(info, extents, data, scrubbed.digest, scrubbed.damaged)

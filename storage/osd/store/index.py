"""The index in memory: every object's name, info and slots, every key; checksums of blocks for the objects in use.

Changes are collected for the next checkpoint. All of it belongs to the event loop's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

from storage.names import ObjectId, PgId
from storage.osd.store.database import BlockMap, Changes, object_row
from storage.osd.store.journal import Mark
from storage.osd.store.ordered_keys import OrderedKeys
from storage.osd.store.slots import Slots
from storage.osd.store.stored_object import StoredObject


class Group:
    """What is stored of a placement group."""

    __slots__ = ("_order", "keys", "objects")

    def __init__(self) -> None:
        self.objects: dict[ObjectId, StoredObject] = {}
        self.keys = OrderedKeys()
        self._order: list[ObjectId] | None = None

    def ids(self) -> list[ObjectId]:
        """All objects, in order."""
        if self._order is None:
            self._order = sorted(self.objects)
        return self._order

    def add(self, stored: StoredObject) -> None:
        self.objects[stored.id] = stored
        self._order = None

    def remove(self, object_id: ObjectId) -> None:
        del self.objects[object_id]
        self._order = None


class Index:
    """`load` brings the blocks of an object as the last checkpoint left it; those of `limit` objects are kept."""

    def __init__(
        self,
        objects: Iterable[StoredObject],
        keys: Iterable[tuple[int, int, str, bytes]],
        load: Callable[[PgId, ObjectId], BlockMap],
        limit: int,
    ) -> None:
        self.groups: dict[PgId, Group] = {}
        self._load, self._limit = load, limit
        held: list[int] = []
        for stored in objects:
            self.group(stored.pg).add(stored)
            held += stored.slots()
        for pool, seed, key, value in keys:
            self.group(PgId(pool, seed)).keys.set(key, value)
        self.slots = Slots(held)
        self._dirty: dict[tuple[PgId, ObjectId], StoredObject | None] = {}
        self._dirty_keys: dict[tuple[PgId, str], bytes | None] = {}
        #: Objects with their blocks in memory, the longest there first.
        self._resident: dict[StoredObject, None] = {}
        self._is_storing = False

    def group(self, pg: PgId) -> Group:
        """The placement group's part, made where it is missing."""
        found = self.groups.get(pg)
        if found is None:
            found = self.groups[pg] = Group()
        return found

    def find(self, pg: PgId, object_id: ObjectId) -> StoredObject | None:
        """An object with its blocks; None where there is none."""
        group = self.groups.get(pg)
        stored = group.objects.get(object_id) if group else None
        if stored is not None and stored.sums is None:
            self._bring(stored)
        return stored

    def change(self, pg: PgId, object_id: ObjectId) -> StoredObject | None:
        """An object that is about to change; None where there is none."""
        stored = self.find(pg, object_id)
        if stored is not None and not stored.is_dirty:
            stored.is_dirty = True
            self._dirty[pg, object_id] = stored
        return stored

    def make(self, pg: PgId, object_id: ObjectId) -> StoredObject:
        """An object that is about to change, made where it is missing."""
        stored = self.change(pg, object_id)
        if stored is None:
            stored = StoredObject(pg, object_id)
            self.group(pg).add(stored)
            stored.is_dirty = True
            self._dirty[pg, object_id] = stored
            self._resident[stored] = None
        return stored

    def remove(self, pg: PgId, object_id: ObjectId) -> None:
        """Nothing where there is none."""
        group = self.groups.get(pg)
        stored = group.objects.get(object_id) if group else None
        if group and stored:
            stored.clear(self.slots)
            group.remove(object_id)
            self._resident.pop(stored, None)
            self._dirty[pg, object_id] = None

    def set_key(self, pg: PgId, key: str, value: bytes) -> None:
        self.group(pg).keys.set(key, value)
        self._dirty_keys[pg, key] = value

    def remove_keys(self, pg: PgId, first: str, end: str) -> None:
        if group := self.groups.get(pg):
            for key in group.keys.remove(first, end):
                self._dirty_keys[pg, key] = None

    def remove_group(self, pg: PgId) -> None:
        """All objects and keys of it."""
        if group := self.groups.get(pg):
            for object_id in list(group.objects):
                self.remove(pg, object_id)
            for key in group.keys.all():
                self._dirty_keys[pg, key] = None
            del self.groups[pg]

    def take_changes(self, mark: Mark, is_damaged: bool) -> Changes:
        """A copy of what changed since the last call, for a checkpoint at `mark`; call `stored` when it is durable."""
        dirty, self._dirty = self._dirty, {}
        dirty_keys, self._dirty_keys = self._dirty_keys, {}
        self._is_storing = True
        for stored in dirty.values():
            if stored:
                stored.is_dirty = False
        return Changes(
            mark,
            [object_row(stored) for stored in dirty.values() if stored],
            [(*pg, *object_id) for (pg, object_id), stored in dirty.items() if not stored],
            [(*pg, key, value) for (pg, key), value in dirty_keys.items() if value is not None],
            [(*pg, key) for (pg, key), value in dirty_keys.items() if value is None],
            is_damaged,
        )

    def stored(self) -> None:
        """What `take_changes` gave is durable."""
        self._is_storing = False
        self._evict(len(self._resident))

    def _bring(self, stored: StoredObject) -> None:
        self._evict(8)
        stored.sums, stored.homes = self._load(stored.pg, stored.id)
        self._resident[stored] = None

    def _evict(self, tries: int) -> None:
        """Let go of blocks that the database has too: nobody knows which between `take_changes` and `stored`."""
        if self._is_storing:
            return
        surplus = max(len(self._resident) - self._limit, 0)
        for stored in list(islice(self._resident, min(tries, surplus))):
            del self._resident[stored]
            if stored.is_dirty:
                self._resident[stored] = None
            else:
                stored.sums = stored.homes = None

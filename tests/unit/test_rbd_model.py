"""Images against plain bytes: whatever is done to an image, its snapshots and its clones, all read as copies would."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from storage.client.image import Image
from storage.client.image_lock import Patience
from storage.client.images import Images
from storage.client.memory_context import MemoryCluster
from storage.errors import BadRequest, ImageBusy

T = TypeVar("T")
ORDER = 12
OBJECT = 1 << ORDER
LARGEST = 5 * OBJECT
SIZES = st.integers(0, LARGEST) | st.sampled_from([OBJECT, 2 * OBJECT, 3 * OBJECT, LARGEST])


@dataclass
class Copy:
    """What an image must read as."""

    data: bytearray
    parent: tuple[str, str] | None = None
    snapshots: dict[str, bytes] = field(default_factory=dict)
    protected: set[str] = field(default_factory=set)


class Comparison(RuleBasedStateMachine):
    """Two clients use one pool; every image has a copy in `copies`, and a writer in `open` while it is open."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.cluster = MemoryCluster()
        patience = Patience(answer=0.05, total=0.0)
        self.clients = [Images(self.cluster.connect(name), patience, ORDER) for name in ("client.1", "client.2")]
        self.copies: dict[str, Copy] = {}
        self.open: dict[str, Image] = {}
        self.count = 0

    def run_(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def new_name(self) -> str:
        self.count += 1
        return f"i{self.count}"

    def pick(self, data: st.DataObject) -> str:
        """The newest more often: it is a clone then."""
        names = sorted(self.copies, key=lambda name: int(name[1:]))
        return data.draw(st.sampled_from([*names, names[-1]]), "image")

    def client(self, data: st.DataObject) -> Images:
        return self.clients[data.draw(st.integers(0, 1), "client")]

    def writer(self, name: str, data: st.DataObject) -> Image:
        if name not in self.open:
            self.open[name] = self.run_(self.client(data).open(name))
        return self.open[name]

    def close(self, name: str) -> None:
        if name in self.open:
            self.run_(self.open.pop(name).close())

    def children(self, name: str, snapshot: str) -> list[str]:
        return sorted(child for child, copy in self.copies.items() if copy.parent == (name, snapshot))

    # -- what is done --

    @initialize(data=st.data(), size=st.none() | SIZES, holes=st.sets(st.integers(0, 3)))
    def begin_with_a_clone(self, data: st.DataObject, size: int | None, holes: set[int]) -> None:
        """Of an image that has something, or nothing, in each object; as nearly all that is difficult is in clones."""
        self.create(4 * OBJECT - 100)
        (base,) = self.copies
        writer = self.writer(base, data)
        for index in sorted({0, 1, 2, 3} - holes):
            self.run_(writer.write(index * OBJECT, bytes([65 + index]) * (OBJECT - 100)))
            self.copies[base].data[index * OBJECT : (index + 1) * OBJECT - 100] = bytes([65 + index]) * (OBJECT - 100)
        self.snapshot(data)
        self.clone(data, size)

    @precondition(lambda self: len(self.copies) < 3)
    @rule(size=SIZES)
    def create(self, size: int) -> None:
        name = self.new_name()
        self.run_(self.clients[0].create(name, size))
        self.copies[name] = Copy(bytearray(size))

    @rule(data=st.data(), letter=st.integers(1, 255), whole=st.booleans())
    def write(self, data: st.DataObject, letter: int, whole: bool) -> None:
        name = self.pick(data)
        offset, length = self.range_of(name, data, whole)
        self.run_(self.writer(name, data).write(offset, bytes([letter]) * length))
        self.copies[name].data[offset : offset + length] = bytes([letter]) * length

    @rule(data=st.data(), index=st.integers(0, 4))
    def discard_object(self, data: st.DataObject, index: int) -> None:
        name = self.pick(data)
        copy = self.copies[name].data
        offset, end = min(index * OBJECT, len(copy)), min((index + 1) * OBJECT, len(copy))
        self.run_(self.writer(name, data).discard(offset, end - offset))
        copy[offset:end] = bytes(end - offset)

    @rule(data=st.data(), whole=st.booleans())
    def discard(self, data: st.DataObject, whole: bool) -> None:
        name = self.pick(data)
        offset, length = self.range_of(name, data, whole)
        self.run_(self.writer(name, data).discard(offset, length))
        self.copies[name].data[offset : offset + length] = bytes(length)

    def range_of(self, name: str, data: st.DataObject, whole: bool) -> tuple[int, int]:
        size = len(self.copies[name].data)
        if whole:
            start = data.draw(st.integers(0, size // OBJECT), "object") * OBJECT
            return start, min(OBJECT, size - start)
        start = data.draw(st.integers(0, size), "offset")
        return start, data.draw(st.integers(0, size - start), "length")

    @rule(data=st.data())
    def close_it(self, data: st.DataObject) -> None:
        self.close(self.pick(data))

    @rule(data=st.data(), size=SIZES)
    def resize(self, data: st.DataObject, size: int) -> None:
        name = self.pick(data)
        copy = self.copies[name].data
        if size < len(copy):
            self.close(name)
        self.run_(self.client(data).resize(name, size))
        del copy[size:]
        copy.extend(bytes(size - len(copy)))

    @rule(data=st.data())
    def snapshot(self, data: st.DataObject) -> None:
        name, snapshot = self.pick(data), self.new_name()
        self.run_(self.client(data).create_snapshot(name, snapshot))
        self.copies[name].snapshots[snapshot] = bytes(self.copies[name].data)

    def pick_snapshot(self, data: st.DataObject) -> tuple[str, str]:
        pairs = [(name, snapshot) for name, copy in sorted(self.copies.items()) for snapshot in sorted(copy.snapshots)]
        return data.draw(st.sampled_from(pairs), "snapshot")

    def any_snapshots(self) -> bool:
        return any(copy.snapshots for copy in self.copies.values())

    @precondition(any_snapshots)
    @rule(data=st.data())
    def remove_snapshot(self, data: st.DataObject) -> None:
        name, snapshot = self.pick_snapshot(data)
        client = self.client(data)
        if self.children(name, snapshot):
            with pytest.raises(ImageBusy):
                self.run_(client.unprotect(name, snapshot))
        if snapshot in self.copies[name].protected:
            with pytest.raises(ImageBusy):
                self.run_(client.remove_snapshot(name, snapshot))
            return
        self.run_(client.remove_snapshot(name, snapshot))
        del self.copies[name].snapshots[snapshot]

    @precondition(any_snapshots)
    @rule(data=st.data())
    def unprotect(self, data: st.DataObject) -> None:
        name, snapshot = self.pick_snapshot(data)
        if not self.children(name, snapshot):
            self.run_(self.client(data).unprotect(name, snapshot))
            self.copies[name].protected.discard(snapshot)

    @precondition(any_snapshots)
    @rule(data=st.data())
    def roll_back(self, data: st.DataObject) -> None:
        name, snapshot = self.pick_snapshot(data)
        self.close(name)
        self.run_(self.client(data).rollback(name, snapshot))
        self.copies[name].data = bytearray(self.copies[name].snapshots[snapshot])

    @precondition(lambda self: self.any_snapshots() and len(self.copies) < 3)
    @rule(data=st.data(), size=st.none() | SIZES)
    def clone(self, data: st.DataObject, size: int | None) -> None:
        (name, snapshot), child = self.pick_snapshot(data), self.new_name()
        client, copy = self.client(data), self.copies[name]
        if snapshot not in copy.protected:
            with pytest.raises(BadRequest):
                self.run_(client.clone(name, snapshot, child, size))
            self.run_(client.protect(name, snapshot))
            copy.protected.add(snapshot)
        self.run_(client.clone(name, snapshot, child, size))
        bytes_ = bytearray(copy.snapshots[snapshot])
        if size is not None:
            del bytes_[size:]
            bytes_.extend(bytes(size - len(bytes_)))
        self.copies[child] = Copy(bytes_, (name, snapshot))

    @rule(data=st.data())
    def flatten(self, data: st.DataObject) -> None:
        name = self.pick(data)
        self.run_(self.client(data).flatten(name))
        self.copies[name].parent = None

    @rule(data=st.data())
    def rename(self, data: st.DataObject) -> None:
        name, new = self.pick(data), self.new_name()
        self.run_(self.client(data).rename(name, new))
        self.copies[new] = self.copies.pop(name)
        if name in self.open:
            self.open[new] = self.open.pop(name)
        for copy in self.copies.values():
            if copy.parent and copy.parent[0] == name:
                copy.parent = (new, copy.parent[1])

    @precondition(lambda self: len(self.copies) > 1)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        name = self.pick(data)
        self.close(name)
        if self.copies[name].snapshots:
            with pytest.raises(ImageBusy):
                self.run_(self.client(data).remove(name))
            return
        self.run_(self.client(data).remove(name))
        del self.copies[name]

    # -- what must hold --

    @invariant()
    def reads_alike(self) -> None:
        self.run_(self._compare())

    async def _compare(self) -> None:
        images = self.clients[1]
        assert await images.list() == sorted(self.copies)
        for name, copy in self.copies.items():
            info = await images.info(name)
            assert info.size == len(copy.data)
            assert {one.name: one.size for one in info.snapshots} == {k: len(v) for k, v in copy.snapshots.items()}
            assert {one.name for one in info.snapshots if one.protected} == copy.protected
            assert (info.parent and (info.parent.image, info.parent.snapshot)) == copy.parent
            if name in self.open:
                assert bytes(await self.open[name].read(0, len(copy.data))) == copy.data
            for snapshot, then in [(None, bytes(copy.data)), *copy.snapshots.items()]:
                reader = await images.open(name, snapshot=snapshot, read_only=True)
                assert bytes(await reader.read(0, reader.size)) == then, (name, snapshot)
                await reader.close()
            for snapshot in copy.snapshots:
                assert await images.children(name, snapshot) == self.children(name, snapshot)

    def teardown(self) -> None:
        """Everything reads as before when nothing has a parent any more; and when it is removed, nothing is left."""
        self.run_(self._remove_all())
        self.runner.close()
        assert list(self.cluster.objects) == []
        assert not any(self.cluster.watches.values())

    async def _remove_all(self) -> None:
        images = self.clients[0]
        for name in list(self.open):
            await self.open.pop(name).close()
        for name in self.copies:
            await images.flatten(name)
            self.copies[name].parent = None
        await self._compare()
        for name, copy in self.copies.items():
            for snapshot in copy.snapshots:
                await images.unprotect(name, snapshot)
                await images.remove_snapshot(name, snapshot)
            await images.remove(name)


TestComparison = pytest.mark.slow(Comparison.TestCase)
TestComparison.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)

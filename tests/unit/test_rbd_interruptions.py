"""Every verb, its client dead at every call in turn: another client that repeats the verb finds or finishes the work.

Nothing else is ever seen: names, snapshots and contents are as before or as after, and when all is removed at the end,
no object is left.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from storage.client.image_lock import Patience
from storage.client.images import Images
from storage.client.memory_context import MemoryCluster
from storage.errors import (
    ImageExists,
    ImageNotFound,
    SnapshotExists,
    SnapshotNotFound,
    StorageError,
    Unavailable,
)
from tests.unit.interrupted_context import InterruptedContext

ORDER = 12
OBJECT = 1 << ORDER
PATIENCE = Patience(answer=0.05, total=0.0)
BASE = b"A" * OBJECT + b"B" * OBJECT + bytes(OBJECT) + b"D" * 100
CHILD = b"A" * 10 + b"x" * 10 + b"A" * (OBJECT - 20) + BASE[OBJECT:]

State = dict[str, tuple[bytes, dict[str, bytes], tuple[str, str] | None, list[str]]]


async def prepare(images: Images) -> None:
    """`base` with a protected snapshot `s`, changed since; `child`, its clone, with a snapshot `t`, changed since."""
    await images.create("base", len(BASE))
    base = await images.open("base")
    await base.write(0, BASE)
    await images.create_snapshot("base", "s")
    await base.write(OBJECT - 5, b"yyyyyyyyyy")
    await base.close()
    await images.protect("base", "s")
    await images.clone("base", "s", "child")
    child = await images.open("child")
    await child.write(10, b"x" * 10)
    await images.create_snapshot("child", "t")
    await child.discard(0, 15)
    await child.close()


async def seen(images: Images) -> State:
    """All that can be seen of the pool."""
    state: State = {}
    for name in await images.list():
        info = await images.info(name)
        contents = {}
        for snapshot in [None, *(one.name for one in info.snapshots)]:
            reader = await images.open(name, snapshot=snapshot, read_only=True)
            contents[snapshot or ""] = bytes(await reader.read(0, reader.size))
            await reader.close()
        parent = info.parent and (info.parent.image, info.parent.snapshot)
        protected = [one.name for one in info.snapshots if one.protected]
        head = contents.pop("")
        state[name] = (head, contents, parent, protected)
    return state


@dataclass(frozen=True)
class Verb:
    """What is done, and the answers that mean that it was done before."""

    do: Callable[[Images], Awaitable[object]]
    done: tuple[type[StorageError], ...] = ()
    #: What must hold before.
    after: Callable[[Images], Awaitable[object]] | None = None
    #: Half of it may be seen: contents of a rollback that goes on.
    mixture: bool = False


async def bare(images: Images) -> None:
    """`child` is gone, and nothing has a snapshot but `base`."""
    await images.remove_snapshot("child", "t")
    await images.remove("child")


async def unprotected(images: Images) -> None:
    await bare(images)
    await images.unprotect("base", "s")


async def without_snapshot(images: Images) -> None:
    await images.remove_snapshot("child", "t")


VERBS = {
    "create": Verb(lambda images: images.create("new", 5 * OBJECT), (ImageExists,)),
    "clone": Verb(lambda images: images.clone("base", "s", "new", 2 * OBJECT), (ImageExists,)),
    "remove": Verb(lambda images: images.remove("child"), (ImageNotFound,), without_snapshot),
    "rename": Verb(lambda images: images.rename("child", "new"), (ImageNotFound,)),
    "rename the parent": Verb(lambda images: images.rename("base", "new"), (ImageNotFound,)),
    "grow": Verb(lambda images: images.resize("child", 6 * OBJECT)),
    "shrink": Verb(lambda images: images.resize("child", OBJECT + 7)),
    "shrink without snapshots": Verb(lambda images: images.resize("child", 9), after=without_snapshot),
    "shrink the parent": Verb(lambda images: images.resize("base", 0)),
    "snapshot": Verb(lambda images: images.create_snapshot("child", "new"), (SnapshotExists,)),
    "remove a snapshot": Verb(lambda images: images.remove_snapshot("child", "t"), (SnapshotNotFound,)),
    "remove a snapshot of a base": Verb(
        lambda images: images.remove_snapshot("base", "s"), (SnapshotNotFound,), unprotected
    ),
    "protect": Verb(lambda images: images.protect("child", "t")),
    "unprotect": Verb(lambda images: images.unprotect("base", "s"), after=bare),
    "flatten": Verb(lambda images: images.flatten("child")),
    "rollback": Verb(lambda images: images.rollback("child", "t"), mixture=True),
    "rollback of a base": Verb(lambda images: images.rollback("base", "s"), mixture=True),
}


async def build(verb: Verb) -> MemoryCluster:
    cluster = MemoryCluster()
    images = Images(cluster.connect("client.before"), PATIENCE, ORDER)
    await prepare(images)
    if verb.after is not None:
        await verb.after(images)
    return cluster


async def remove_all(images: Images) -> None:
    for name in await images.list():
        await images.flatten(name)
    for name in await images.list():
        for snapshot in (await images.info(name)).snapshots:
            await images.unprotect(name, snapshot.name)
            await images.remove_snapshot(name, snapshot.name)
        await images.remove(name)


async def interrupt(verb: Verb, fatal: int, *, done: bool, repeat: bool) -> bool:
    """Whether the verb had so many calls that it was interrupted."""
    cluster = await build(verb)
    watcher = Images(cluster.connect("client.watching"), PATIENCE, ORDER)
    before = await seen(watcher)
    io = InterruptedContext(cluster, "client.dying", fatal, done=done)
    try:
        await verb.do(Images(io, PATIENCE, ORDER))
    except Unavailable:
        pass
    else:
        return io.calls > fatal  # it may survive in a call whose failure does not matter
    reference = await build(verb)
    await verb.do(Images(reference.connect("client.reference"), PATIENCE, ORDER))
    after = await seen(Images(reference.connect("client.reference"), PATIENCE, ORDER))
    if not verb.mixture:
        assert await seen(watcher) in (before, after)
    if repeat:
        with contextlib.suppress(verb.done):
            await verb.do(watcher)
        assert await seen(watcher) == after
    await settle(watcher, before)
    await remove_all(watcher)
    assert list(cluster.objects) == []
    return True


async def settle(images: Images, before: State) -> None:
    """Names that a dead client wanted can be had, or were got; images can be used; what is cut off never comes back."""
    for name in ("new", *before):
        try:
            await images.create(name, 3)
        except ImageExists:
            assert name in await images.list()
        size = (await images.info(name)).size
        await images.resize(name, size + 3 * OBJECT)
        writer = await images.open(name)
        assert bytes(await writer.read(size, 3 * OBJECT)) == bytes(3 * OBJECT)
        await writer.write(0, b"zz")
        await writer.close()


@pytest.mark.parametrize("repeat", [True, False], ids=["repeated", "left"])
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_a_client_that_dies(verb: Verb, done: bool, repeat: bool) -> None:
    fatal = 0
    while asyncio.run(interrupt(verb, fatal, done=done, repeat=repeat)):
        fatal += 1
    assert fatal >= 3

"""What operations on objects mean: a model cluster of one to three OSDs against the plain in-memory objects."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.client.memory_context import MemoryCluster, MemoryContext
from storage.errors import BadRequest, Blocklisted, ObjectExists, StorageError, VersionMismatch
from storage.messages import ClientOp
from storage.names import OBJECT_SIZE, ObjectId, SnapContext
from tests.model.context import ModelContext
from tests.model.world import World

OFFSET = st.integers(0, 3 * 4096) | st.sampled_from([0, 4096, 8192])
LENGTH = st.integers(1, 2 * 4096) | st.sampled_from([4096, 8192])
STEP = st.one_of(
    st.tuples(st.just("write"), OFFSET, LENGTH),
    st.tuples(st.just("write_full"), LENGTH),
    st.tuples(st.just("zero"), OFFSET, LENGTH),
    st.tuples(st.just("truncate"), OFFSET),
    st.tuples(st.just("remove")),
    st.tuples(st.just("copyup"), LENGTH),
    st.tuples(st.just("snapshot")),
    st.tuples(st.just("trim_snap"), st.integers(1, 6)),
    st.tuples(st.just("crash"), st.integers(0, 2)),
)


def new_world(osds: int) -> World:
    world = World(1, osds, pg_num=2)
    assert world.run_until(lambda: world.is_clean, 10)
    return world


def outcome(call: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    """What a call gives, or the code of its error."""
    try:
        return call(*arguments, **keywords)
    except StorageError as error:
        return error.code


async def whole(plain: MemoryContext, snap: int) -> bytes:
    return bytes((await plain.read("o", 0, OBJECT_SIZE, snap=snap)).data)


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEP, min_size=1, max_size=12), osds=st.sampled_from([1, 3]))
def test_a_cluster_does_what_plain_objects_do(steps: list[tuple[Any, ...]], osds: int) -> None:
    world = new_world(osds)
    real, plain = ModelContext(world), MemoryCluster().connect("client.plain")
    snaps, fill = SnapContext(), 0
    for name, *arguments in steps:
        fill += 1
        if name == "snapshot":
            number = snaps.seq + 1
            snaps = SnapContext(number, (number, *snaps.snaps))
            continue
        if name == "crash":
            if arguments[0] < osds:
                world.crash(arguments[0])
                world.run(0.5)
                world.restart(arguments[0])
            continue
        if name == "trim_snap":
            snaps = SnapContext(snaps.seq, tuple(snap for snap in snaps.snaps if snap != arguments[0]))
        if name in ("write", "write_full", "copyup"):
            arguments[-1] = bytes([fill]) * arguments[-1]
        keywords = {} if name in ("copyup", "trim_snap") else {"snaps": snaps}
        expected = outcome(lambda: asyncio.run(getattr(plain, name)("o", *arguments, **keywords)))  # noqa: B023
        seen = outcome(getattr(real, name), "o", *arguments, **keywords)
        assert isinstance(seen, str) == isinstance(expected, str), (name, seen, expected)
    for snap in range(snaps.seq + 1):
        if snap and snap not in snaps.snaps:
            continue
        want = outcome(lambda: asyncio.run(whole(plain, snap)))  # noqa: B023
        have = outcome(real.read, "o", 0, OBJECT_SIZE, snap=snap)
        assert (have if isinstance(have, str) else bytes(have.data)) == want, f"at snapshot {snap}"


def test_compare_and_swap() -> None:
    context = ModelContext(new_world(3))
    version = context.write_full("header", b"one", expected=0)
    assert context.read("header", 0, 10).version == version
    with pytest.raises(ObjectExists):
        context.write_full("header", b"two", expected=0)
    newer = context.write_full("header", b"two", expected=version)
    with pytest.raises(VersionMismatch):
        context.write_full("header", b"three", expected=version)
    assert newer > version
    assert bytes(context.read("header", 0, 10).data) == b"two"


def test_a_fenced_client_writes_no_more() -> None:
    world = new_world(3)
    fenced, other = ModelContext(world, "client.fenced"), ModelContext(world, "client.other")
    fenced.write("o", 0, b"before")
    world.propose("client.fenced is fenced", blocklist={"client.fenced": 1e12})
    world.run(0.1)
    with pytest.raises(Blocklisted):
        fenced.write("o", 0, b"after!")
    assert bytes(other.read("o", 0, 6).data) == b"before"


def test_what_a_fenced_client_sent_before_is_not_done_after() -> None:
    """Its write waits for an object that is missing on a replica; the fence comes first."""
    world = new_world(3)
    fenced, other = ModelContext(world, "client.fenced"), ModelContext(world, "client.other")
    other.write("o", 0, b"before")
    pg = world.map.pg_of(1, "o")
    primary, replica, _ = world.map.interval(pg).acting
    osd = world.hosts[primary].osd
    assert osd is not None
    osd.recovering = osd.settings.recoveries  # no recovery begins by itself
    world.isolate(replica, monitors=False)
    osd.groups[pg].recovery.replica_lacks(replica, {ObjectId("o"): osd.groups[pg].log.head})
    osd.client(fenced, ClientOp(77, world.map.epoch, pg, "write", "o"), memoryview(b"after!"))
    world.propose("client.fenced is fenced", blocklist={"client.fenced": 1e12})
    world.run(0.1)
    world.apart.clear()
    assert world.run_until(lambda: world.is_clean, 10)
    assert bytes(other.read("o", 0, 6).data) == b"before"


def test_objects_that_come_back_are_not_read_before_they_are_there() -> None:
    """A primary returns, lacks many objects, and is asked for them all the time while they are copied."""
    count = 120
    world = World(3, pg_num=1)
    assert world.run_until(lambda: world.is_clean, 10)
    writer, reader = ModelContext(world, "client.writer"), ModelContext(world, "client.reader")
    for number in range(count):
        writer.write(f"o{number}", 0, b"before")
    pg = world.map.pg_of(1, "o")
    first = world.map.interval(pg).acting[0]
    world.crash(first)
    for number in range(count):
        writer.write(f"o{number}", 0, b"after!")
    world.restart(first)
    seen: list[bytes] = []
    while not world.is_clean:
        osd = world.hosts[first].osd
        if osd is not None and osd.is_up and world.map.interval(pg).primary == first:
            for _ in range(10):
                number = world.random.randrange(1 << 30)
                op = ClientOp(number, osd.epoch, pg, "read", f"o{number % count}", 0, 6)
                osd.client(reader, op, memoryview(b""))
        world.run(0.001)
        seen += [data for reply, data in reader.replies.values() if not reply.error]
        reader.replies.clear()
    assert len(seen) > count
    assert set(seen) == {b"after!"}


def test_nonsense_is_refused() -> None:
    context = ModelContext(new_world(1))
    with pytest.raises(BadRequest):
        context.write("o", 1 << 40, b"x")
    with pytest.raises(BadRequest):
        context.write("o" * 2000, 0, b"x")


@pytest.mark.parametrize("victim", [0, 1, 2])
def test_a_flipped_bit_is_found_and_repaired(victim: int) -> None:
    """By a read where the primary's copy is damaged, by a deep scrub elsewhere."""
    world = new_world(3)
    context = ModelContext(world)
    context.write("o", 0, b"right" * 1000)
    pg = world.map.pg_of(1, "o")
    world.hosts[victim].store.flip(pg, ObjectId("o"), 0)
    primary = world.map.interval(pg).primary
    assert primary is not None
    if victim == primary:
        assert bytes(context.read("o", 0, 5).data) == b"right"
    else:
        osd = world.hosts[primary].osd
        assert osd is not None
        osd.groups[pg].scrub.ordered = True
    assert world.run_until(lambda: not world.hosts[victim].store.scrub(pg, ObjectId("o")).damaged, 5)
    assert world.run_until(lambda: world.is_clean, 5)
    digests = {host.store.scrub(pg, ObjectId("o")).digest for host in world.hosts}
    assert len(digests) == 1

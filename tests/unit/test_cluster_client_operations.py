"""The cluster's client: every operation reaches the primary, whatever connections and maps do meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from storage.client.cluster_context import ClusterContext
from storage.client.io_context import Notified
from storage.connection import Connection
from storage.errors import (
    BadRequest,
    Blocklisted,
    ClusterFull,
    ObjectExists,
    ObjectNotFound,
    StorageError,
    Unavailable,
    VersionMismatch,
)
from storage.messages import ClientOp
from storage.names import SnapContext
from tests.unit.mon_fakes import run, until
from tests.unit.osd_fake import POOL, FakeOsd, running, serve


def silent(*_: Any) -> None:
    """A script: no answer."""


def test_each_verb_says_what_it_means() -> None:
    async def test() -> None:
        async with running() as rig:
            io, osd = rig.io, rig.osds[0]
            name = rig.name_at(osd)
            osd.script = lambda osd, c, op, _: osd.answer(
                c, op, version=7, size=9, data=b"found" if op.kind == "read" else None
            )
            found = await io.read(name, 3, 5, snap=2)
            assert (bytes(found.data), found.version) == (b"found", 7)
            assert (await io.stat(name, snap=4)).size == 9
            snaps = SnapContext(5, (5, 3))
            assert await io.write(name, 4096, memoryview(b"data"), snaps=snaps) == 7
            await io.write_full(name, b"whole", expected=0, snaps=snaps)
            await io.zero(name, 1, 2, snaps=snaps)
            await io.truncate(name, 11)
            await io.remove(name, expected=3)
            await io.copyup(name, b"copy")
            await io.trim_snap(name, 3)
            said = [(op.kind, op.offset, op.length, op.snap, op.snaps, op.expected) for op in osd.ops]
            none = SnapContext()
            assert said == [
                ("read", 3, 5, 2, none, None), ("stat", 0, 0, 4, none, None), ("write", 4096, 0, 0, snaps, None),
                ("write_full", 0, 0, 0, snaps, 0), ("zero", 1, 2, 0, snaps, None), ("truncate", 11, 0, 0, none, None),
                ("remove", 0, 0, 0, none, 3), ("copyup", 0, 0, 0, none, None), ("trim_snap", 0, 0, 3, none, None),
            ]  # fmt: skip
            assert osd.data[2:4] == [b"data", b"whole"]
            assert {op.name for op in osd.ops} == {name}
            assert {op.epoch for op in osd.ops} == {1}
            assert len({op.number for op in osd.ops}) == len(osd.ops)

    run(test())


def test_listing_asks_every_group() -> None:
    async def test() -> None:
        async with running() as rig:
            for osd in rig.osds:
                osd.script = lambda osd, c, op, _: osd.answer(c, op, names=(f"{op.name}{op.pg.seed:02}",))
            assert await rig.io.list("a") == [f"a{seed:02}" for seed in range(16)]
            asked = [op.pg for osd in rig.osds for op in osd.ops]
            assert sorted(asked) == rig.map.pgs()

    run(test())


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("not_found", ObjectNotFound), ("exists", ObjectExists), ("version_mismatch", VersionMismatch),
        ("blocklisted", Blocklisted), ("full", ClusterFull), ("bad_request", BadRequest), ("what?", StorageError),
    ],
)  # fmt: skip
def test_errors_travel_by_their_codes(code: str, error: type[StorageError]) -> None:
    async def test() -> None:
        async with running() as rig:
            for osd in rig.osds:
                osd.script = lambda osd, c, op, _: osd.answer(c, op, code, detail="the reason")
            with pytest.raises(error, match="the reason"):
                await rig.io.write("o", 0, b"x")
            assert sum(len(osd.ops) for osd in rig.osds) == 1, "it is not tried again"

    run(test())


def test_many_are_under_way_on_one_connection() -> None:
    async def test() -> None:
        async with running() as rig:
            osd = rig.osds[0]
            held: list[tuple[Connection, ClientOp]] = []
            osd.script = lambda _, c, op, __: held.append((c, op))
            name = rig.name_at(osd)
            writes = [asyncio.create_task(rig.io.write(name, 4096 * n, b"x")) for n in range(200)]
            await until(lambda: len(held) == 200)
            for connection, op in reversed(held):
                osd.answer(connection, op, version=op.offset)
            assert await asyncio.gather(*writes) == [4096 * n for n in range(200)]
            assert osd.opened == 1

    run(test())


def test_a_broken_connection_costs_nothing_but_time() -> None:
    async def test() -> None:
        async with running() as rig:
            osd = rig.osds[1]
            name = rig.name_at(osd)
            osd.script = silent
            writes = [asyncio.create_task(rig.io.write(name, n, b"x%d" % n)) for n in range(5)]
            await until(lambda: len(osd.ops) == 5)
            osd.script = serve
            osd.drop_connections()
            await asyncio.gather(*writes)
            assert [op.number for op in osd.ops[5:]] == [op.number for op in osd.ops[:5]]
            assert osd.data[5:] == osd.data[:5] == [b"x%d" % n for n in range(5)]

    run(test())


def test_an_osd_that_is_not_there_yet_is_waited_for() -> None:
    async def test() -> None:
        async with running() as rig:
            osd = rig.osds[1]
            name = rig.name_at(osd)
            osd.stop()
            write = asyncio.create_task(rig.io.write(name, 0, b"x"))
            await asyncio.wait([write], timeout=0.2)
            assert not write.done()
            await osd.start(osd.address)
            await write

    run(test())


def test_again_is_taken_literally() -> None:
    async def test() -> None:
        async with running() as rig:
            osd = rig.osds[2]
            osd.script = lambda osd, c, op, _: osd.answer(c, op, "again" if len(osd.ops) < 4 else "")
            await rig.io.write(rig.name_at(osd), 0, b"x")
            assert len(osd.ops) == 4
            assert len({op.number for op in osd.ops}) == 1

    run(test())


def test_again_because_of_a_newer_map_waits_for_it() -> None:
    async def test() -> None:
        async with running() as rig:
            old = rig.osds[0]
            name = rig.name_at(old)

            def refuse(osd: FakeOsd, connection: Connection, op: ClientOp, data: bytes) -> None:
                osd.answer(connection, op, "again", epoch=2)

            old.script = refuse
            write = asyncio.create_task(rig.io.write(name, 0, b"x"))
            await until(lambda: old.ops)
            await asyncio.wait([write], timeout=0.1)
            assert len(old.ops) == 1
            rig.change(o0={"up": False})
            new = rig.primary(name)
            assert new is not old
            await write
            assert [op.number for op in new.ops] == [op.number for op in old.ops]
            assert new.ops[0].epoch == 2

    run(test())


def test_a_map_that_the_client_missed_is_asked_for() -> None:
    async def test() -> None:
        async with running() as rig:
            old = rig.osds[0]
            name = rig.name_at(old)
            rig.change(o0={"up": False}, tell=False)
            old.script = lambda osd, c, op, _: osd.answer(c, op, "again", epoch=2)
            await rig.io.write(name, 0, b"x")
            assert rig.primary(name).ops[0].epoch == 2

    run(test())


@pytest.mark.parametrize("change", [{"up": False}, {"up_from": 2}, {"placed": False}])
def test_operations_follow_the_interval(change: dict[str, Any]) -> None:
    async def test() -> None:
        async with running() as rig:
            old = rig.osds[0]
            old.script = silent
            name = rig.name_at(old)
            write = asyncio.create_task(rig.io.write(name, 0, b"x"))
            await until(lambda: old.ops)
            old.script = serve
            rig.change(o0=change)
            await write
            assert rig.primary(name).ops[-1].number == old.ops[0].number

    run(test())


def test_a_map_that_does_not_concern_an_operation_does_not_repeat_it() -> None:
    async def test() -> None:
        async with running() as rig:
            osd = rig.osds[0]
            held: list[tuple[Connection, ClientOp]] = []
            osd.script = lambda _, c, op, __: held.append((c, op))
            write = asyncio.create_task(rig.io.write(rig.name_at(osd), 0, b"x"))
            await until(lambda: held)
            rig.change()
            await until(lambda: rig.client.map.epoch == 2)
            osd.answer(*held[0])
            await write
            assert len(osd.ops) == 1

    run(test())


def test_a_group_without_anybody_waits_for_somebody() -> None:
    async def test() -> None:
        async with running() as rig:
            rig.change(o0={"up": False}, o1={"up": False}, o2={"up": False})
            await until(lambda: rig.client.map.epoch == 2)
            write = asyncio.create_task(rig.io.write("o", 0, b"x"))
            await asyncio.wait([write], timeout=0.1)
            rig.change(o1={"up": True, "up_from": 3})
            await write
            assert len(rig.osds[1].ops) == 1

    run(test())


def test_an_osd_with_another_address_is_found_there() -> None:
    async def test() -> None:
        async with running() as rig:
            osd = rig.osds[0]
            name = rig.name_at(osd)
            await rig.io.write(name, 0, b"x")
            osd.stop()
            await osd.start()
            rig.change(o0={"address": osd.address, "up_from": 2})
            await rig.io.write(name, 0, b"y")
            assert osd.data == [b"x", b"y"]

    run(test())


def test_the_deadline_is_kept() -> None:
    async def test() -> None:
        async with running(deadline=0.3) as rig:
            for osd in rig.osds:
                osd.script = silent
            async with asyncio.timeout(3):
                with pytest.raises(Unavailable, match="write of o"):
                    await rig.io.write("o", 0, b"x")
            for osd in rig.osds:
                osd.script = serve
            await rig.io.write("o", 0, b"y")

    run(test())


def test_what_nobody_waits_for_is_not_sent_again() -> None:
    """A write that was given up must not overtake one that came later."""

    async def test() -> None:
        async with running() as rig:
            osd = rig.osds[0]
            osd.script = silent
            name = rig.name_at(osd)
            given_up = asyncio.create_task(rig.io.write(name, 0, b"old"))
            await until(lambda: osd.ops)
            given_up.cancel()
            osd.script = serve
            osd.drop_connections()
            await rig.io.write(name, 0, b"new")
            assert osd.data == [b"old", b"new"]

    run(test())


def test_a_client_that_was_stopped_fails_what_is_under_way() -> None:
    async def test() -> None:
        async with running() as rig:
            for osd in rig.osds:
                osd.script = silent
            write = asyncio.create_task(rig.io.write("o", 0, b"x"))
            await until(lambda: any(osd.ops for osd in rig.osds))
            await rig.client.stop()
            with pytest.raises(Unavailable):
                await write
            with pytest.raises(Unavailable):
                await rig.io.read("o", 0, 1)

    run(test())


def test_pools() -> None:
    async def test() -> None:
        async with running() as rig:
            with pytest.raises(BadRequest, match="pool create q"):
                ClusterContext(rig.client, "q")
            for osd in rig.osds:
                osd.script = silent

            async def hear(_: bytes) -> None: ...

            watching = asyncio.create_task(rig.io.watch("o", hear))
            write = asyncio.create_task(rig.io.write("o", 0, b"x"))
            await until(lambda: sum(len(osd.ops) for osd in rig.osds) == 2)
            rig.learn(replace(rig.map, epoch=2, pools={}))
            for waiting in (write, watching):
                with pytest.raises(BadRequest, match="removed"):
                    await waiting
            with pytest.raises(BadRequest, match="removed"):
                await rig.io.write("o", 0, b"x")
            assert POOL not in rig.client.map.pools

    run(test())


def test_notifying_tells_who_heard() -> None:
    async def test() -> None:
        async with running() as rig:
            for osd in rig.osds:
                osd.script = lambda osd, c, op, _: osd.answer(c, op, names=("client.a",), missed=("client.b",))
            assert await rig.io.notify("o", b"look", 2.5) == Notified(("client.a",), ("client.b",))
            (op,) = [op for osd in rig.osds for op in osd.ops]
            assert (op.kind, op.length) == ("notify", 2500)

    run(test())

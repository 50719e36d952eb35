"""Watches of the cluster's client: registered with whoever is primary, and nothing is missed unsaid."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from storage.client.io_context import Watch
from storage.errors import Blocklisted
from storage.messages import ClientOp, NotificationAck
from tests.unit.mon_fakes import run, until
from tests.unit.osd_fake import FakeOsd, Rig, running


class Ear:
    """A callback that remembers, and that can be slow or fail."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.fails = False

    async def __call__(self, payload: bytes) -> None:
        self.heard.append(payload)
        await self.may_go_on.wait()
        if self.fails:
            raise RuntimeError("no")


@asynccontextmanager
async def watching() -> AsyncIterator[tuple[Rig, FakeOsd, str, Ear, Watch]]:
    async with running() as rig:
        osd, ear = rig.osds[0], Ear()
        name = rig.name_at(osd)
        yield rig, osd, name, ear, await rig.io.watch(name, ear)


def watches(osd: FakeOsd) -> list[ClientOp]:
    return [op for op in osd.ops if op.kind == "watch"]


def test_a_notification_is_heard_and_acknowledged() -> None:
    async def test() -> None:
        async with watching() as (_, osd, name, ear, _watch):
            (op,) = osd.ops
            assert (op.kind, op.name) == ("watch", name)
            osd.notify(op, b"look", 5)
            await until(lambda: osd.acks)
            assert osd.acks == [NotificationAck(op.pg, name, 5)]
            assert ear.heard == [b"look"]

    run(test())


def test_it_is_acknowledged_only_when_it_was_acted_upon() -> None:
    async def test() -> None:
        async with watching() as (_, osd, _name, ear, _watch):
            ear.may_go_on.clear()
            osd.notify(osd.ops[0], b"one", 1)
            await until(lambda: ear.heard)
            assert not osd.acks
            ear.fails = True
            ear.may_go_on.set()
            osd.notify(osd.ops[0], b"two", 2)
            await until(lambda: len(ear.heard) == 2)
            ear.fails = False
            osd.notify(osd.ops[0], b"three", 3)
            await until(lambda: osd.acks)
            assert [ack.number for ack in osd.acks] == [3]

    run(test())


def test_it_is_registered_again_after_a_broken_connection() -> None:
    async def test() -> None:
        async with watching() as (_, osd, _name, ear, _watch):
            osd.drop_connections()
            await until(lambda: ear.heard == [b""])
            assert len(watches(osd)) == 2

    run(test())


def test_it_is_registered_with_the_next_primary() -> None:
    async def test() -> None:
        async with watching() as (rig, _osd, name, ear, _watch):
            rig.change(o0={"up": False})
            await until(lambda: ear.heard == [b""])
            assert len(watches(rig.primary(name))) == 1
            rig.change(o0={"up": True, "up_from": 3})
            await until(lambda: ear.heard == [b"", b""])
            assert len(watches(rig.osds[0])) == 2

    run(test())


def test_it_is_registered_again_when_the_primary_forgets_it() -> None:
    async def test() -> None:
        async with watching() as (_, osd, _name, ear, _watch):
            osd.notify(osd.ops[0], b"", 0)
            await until(lambda: ear.heard == [b""])
            assert len(watches(osd)) == 2

    run(test())


def test_what_happens_during_a_callback_is_not_forgotten() -> None:
    async def test() -> None:
        async with watching() as (_, osd, _name, ear, _watch):
            ear.may_go_on.clear()
            osd.drop_connections()
            await until(lambda: ear.heard == [b""])
            osd.drop_connections()
            await until(lambda: osd.opened == 3)
            ear.may_go_on.set()
            await until(lambda: ear.heard == [b"", b""])
            assert len(watches(osd)) == 3

    run(test())


def test_a_map_during_the_registration_leads_to_the_new_primary() -> None:
    async def test() -> None:
        async with running() as rig:
            osd, ear = rig.osds[0], Ear()
            name = rig.name_at(osd)
            osd.script = lambda *_: None
            adding = asyncio.create_task(rig.io.watch(name, ear))
            await until(lambda: osd.ops)
            rig.change(o0={"up": False})
            await adding
            new = rig.primary(name)
            assert watches(new)
            new.notify(watches(new)[-1], b"look", 1)
            await until(lambda: b"look" in ear.heard)

    run(test())


def test_after_closing_nothing_is_heard_or_registered() -> None:
    async def test() -> None:
        async with watching() as (rig, osd, name, ear, watch):
            await watch.close()
            await watch.close()
            assert [op.kind for op in osd.ops] == ["watch", "unwatch"]
            osd.notify(osd.ops[0], b"look", 1)
            osd.drop_connections()
            await rig.io.write(name, 0, b"x")
            assert ear.heard == []
            assert osd.acks == []
            assert len(watches(osd)) == 1

    run(test())


def test_two_on_one_object_both_hear_and_the_last_unregisters() -> None:
    async def test() -> None:
        async with watching() as (rig, osd, name, ear, watch):
            other_ear = Ear()
            other = await rig.io.watch(name, other_ear)
            await watch.close()
            osd.notify(osd.ops[0], b"look", 1)
            await until(lambda: other_ear.heard)
            assert ear.heard == []
            assert not [op for op in osd.ops if op.kind == "unwatch"]
            await other.close()
            assert osd.ops[-1].kind == "unwatch"

    run(test())


def test_a_pool_that_goes_away_takes_its_watches_along() -> None:
    async def test() -> None:
        async with watching() as (rig, _osd, _name, _ear, _watch):
            rig.learn(replace(rig.map, epoch=2, pools={}))
            await until(lambda: rig.client.map.epoch == 2)
            rig.learn(replace(rig.map, epoch=3))
            await until(lambda: rig.client.map.epoch == 3)

    run(test())


def test_who_was_fenced_gives_up_watching() -> None:
    async def test() -> None:
        async with watching() as (rig, osd, name, ear, _watch):
            osd.script = lambda osd, c, op, _: osd.answer(c, op, "blocklisted")
            osd.drop_connections()
            await until(lambda: len(watches(osd)) == 2)
            with pytest.raises(Blocklisted):
                await rig.io.write(name, 0, b"x")
            assert len(watches(osd)) == 2
            assert ear.heard == []

    run(test())

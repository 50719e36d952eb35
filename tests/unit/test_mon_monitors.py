"""Monitors over sockets: three that agree, and go on without one, without their store, and without a sign of life."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from storage.messages import GetMaps, Subscribe
from storage.mon.decisions import Patience
from storage.names import PgId
from tests.ports import free_port
from tests.unit.mon_fakes import Cluster, End, FakeOsd, run, running, until

PATIENCE = Patience(beacon=1.0)


@asynccontextmanager
async def three(osds: int = 3, patience: Patience = PATIENCE) -> AsyncIterator[Cluster]:
    addresses = [f"127.0.0.1:{free_port()}" for _ in range(3)]
    async with running(addresses, osds, patience) as cluster:
        yield cluster


def test_all_agree_on_one_history() -> None:
    async def test() -> None:
        async with three() as cluster:
            await asyncio.gather(*(end.result("pool create", pool=f"p{n}") for n, end in enumerate(cluster.ends)))
            numbers = await asyncio.gather(*(end.result("pool create", pool="same") for end in cluster.ends))
            assert len(set(numbers)) == 1
            history = cluster.store.history()
            assert [one.epoch for one in history] == list(range(1, len(history) + 1))
            assert sorted(pool.name for pool in history[-1].pools.values()) == ["p0", "p1", "p2", "same"]
            await until(lambda: all(end.epoch == history[-1].epoch for end in cluster.ends))
            assert {end.newest.fsid for end in cluster.ends} == {"f"}
            assert all(one in history for end in cluster.ends for one in end.maps)

    run(test())


def test_a_new_map_reaches_whoever_knows_another_monitor_at_once() -> None:
    async def test() -> None:
        async with three() as cluster:
            began = time.monotonic()
            await cluster.ends[0].result("osd out", osd=1)
            await until(lambda: not cluster.ends[2].newest.osds[1].placed)
            assert time.monotonic() - began < 0.9, "it waited for the next look at the store"

    run(test())


def test_history_on_request() -> None:
    async def test() -> None:
        async with three() as cluster:
            for number in range(5):
                await cluster.ends[0].result("pool create", pool=f"p{number}")
            newest = cluster.monitors[0].map.epoch
            end = End("osd.9", "x")
            await end.reach(cluster.addresses[1])
            end.send(GetMaps(2, 4))
            await until(lambda: len(end.maps) == 3)
            assert [one.epoch for one in end.maps] == [2, 3, 4]
            end.send(GetMaps(newest - 1, 1 << 60))
            await until(lambda: end.epoch == newest)
            del end.maps[:]
            end.send(Subscribe(newest - 2))
            await until(lambda: len(end.maps) == 2)
            assert [one.epoch for one in end.maps] == [newest - 1, newest]
            end.close()

    run(test())


def test_two_accusers_are_believed_soon() -> None:
    async def test() -> None:
        async with three() as cluster:
            first, second, dead = cluster.osds
            dead.is_alive = False
            began = time.monotonic()
            first.accuse(dead)
            second.accuse(dead)
            await until(lambda: cluster.up() == [0, 1])
            assert time.monotonic() - began < 0.4
            dead.is_alive = True
            dead.boot()  # it did not know: an older request does not count
            await until(lambda: dead.epoch == cluster.monitors[0].map.epoch)
            dead.boot()
            await until(lambda: all(cluster.up(monitor) == [0, 1, 2] for monitor in cluster.monitors))
            deaths = [one for one in cluster.store.history() if "osd.2 down" in one.reason]
            assert len(deaths) == 1, "what was said before it came back does not count"

    run(test())


@pytest.mark.slow
def test_the_silent_are_down_even_if_few_are_left_to_accuse_them() -> None:
    async def test() -> None:
        async with three() as cluster:
            for osd in cluster.osds[1:]:
                osd.is_alive = False
            await until(lambda: all(cluster.up(monitor) == [0] for monitor in cluster.monitors))

    run(test())


@pytest.mark.slow
def test_one_monitor_that_hears_nothing_harms_nobody() -> None:
    async def test() -> None:
        async with three() as cluster:
            for osd in cluster.osds:
                osd.ends.pop(2).close()
            before = cluster.monitors[0].map.epoch
            quiet_until = time.monotonic() + 4 * PATIENCE.beacon
            await until(lambda: time.monotonic() > quiet_until)
            assert cluster.monitors[0].map.epoch == before

    run(test())


@pytest.mark.slow
def test_losing_a_monitor_is_not_noticed() -> None:
    async def test() -> None:
        async with three() as cluster:
            await cluster.monitors[0].stop()
            before = cluster.monitors[1].map.epoch
            await cluster.ends[1].result("pool create", pool="p")
            cluster.osds[2].is_alive = False
            await until(lambda: cluster.up(cluster.monitors[1]) == [0, 1])
            status = await cluster.ends[1].result("status")
            assert "1/3 mons down" in status["checks"]["MON_DOWN"]
            again = cluster.monitor(0, cluster.addresses[0], tuple(cluster.addresses))
            cluster.monitors[0] = again
            await again.start()
            await until(lambda: again.map.epoch == cluster.monitors[1].map.epoch > before)
            async with asyncio.timeout(5):
                while not all((await cluster.ends[1].result("status"))["monitors"].values()):
                    await asyncio.sleep(0.05)

    run(test())


@pytest.mark.slow
def test_without_a_majority_maps_are_served_but_do_not_change() -> None:
    async def test() -> None:
        async with three() as cluster:
            for number in range(3):
                await cluster.ends[0].result("pool create", pool=f"p{number}")
            await until(lambda: all(monitor.map.epoch == cluster.osds[0].epoch for monitor in cluster.monitors))
            cluster.store.is_away = True
            for end in cluster.ends:
                reply = await end.ask("osd out", osd=0)
                assert reply.retry
                assert "no majority" in reply.error
                assert (await end.result("status"))["osds"]["up"] == 3
            newcomer = End("client.new", "1")
            await newcomer.reach(cluster.addresses[1])
            newcomer.send(GetMaps(2, 1 << 60))
            await until(lambda: newcomer.epoch == cluster.monitors[1].map.epoch)
            assert newcomer.maps[0].epoch == 2
            newcomer.close()
            cluster.osds[2].is_alive = False
            cluster.store.is_away = False
            assert not (await cluster.ends[0].ask("osd out", osd=0)).error
            await until(lambda: cluster.up() == [0, 1])

    run(test())


@pytest.mark.slow
def test_a_fence_is_up_when_all_that_live_know_it() -> None:
    async def test() -> None:
        async with three() as cluster:
            slow = cluster.osds[1]
            slow.tells_epoch = False
            end = cluster.ends[0]
            number = end.begin("blocklist add", client="client.x")
            await until(lambda: "client.x" in slow.ends[0].newest.blocklist)
            await until(lambda: all(osd.told == osd.epoch for osd in cluster.osds if osd is not slow))
            assert number not in end.answers
            slow.tells_epoch = True
            await until(lambda: number in end.answers)
            assert not end.answers[number].error
            dead = cluster.osds[2]
            dead.is_alive = False
            assert not (await end.ask("blocklist add", client="client.y")).error
            assert cluster.up() == [0, 1]

    run(test())


def test_scrub_orders_reach_the_primaries() -> None:
    async def test() -> None:
        async with three() as cluster:
            await cluster.ends[0].result("pool create", pool="p", pg_num=8)
            assert len(await cluster.ends[1].result("pg deep-scrub", pg="all")) == 8
            shown = cluster.monitors[1].map
            pool = next(iter(shown.pools))
            await until(lambda: sum(len(osd.ends[1].orders) for osd in cluster.osds) == 8)
            for osd in cluster.osds:
                assert all(shown.interval(order.pg).primary == osd.number for order in osd.ends[1].orders)
                assert all(order.deep for order in osd.ends[1].orders)
            assert await cluster.ends[1].result("pg scrub", pg=str(PgId(pool, 3))) == [str(PgId(pool, 3))]

    run(test())


@pytest.mark.parametrize(
    ("command", "arguments", "sentence"),
    [
        ("make coffee", {}, "no command"),
        ("osd out", {}, "osd must be a number"),
        ("pg scrub", {"pg": "7.1"}, "pg ls"),
        ("pool create", {"pool": ["x"]}, "name"),
    ],
)
def test_what_makes_no_sense_is_refused(command: str, arguments: dict[str, object], sentence: str) -> None:
    async def test() -> None:
        async with running([f"127.0.0.1:{free_port()}"], 1, PATIENCE) as cluster:
            reply = await cluster.ends[0].ask(command, **arguments)
            assert sentence in reply.error
            assert not reply.retry

    run(test())


@pytest.mark.slow
def test_a_number_that_was_purged_is_given_anew() -> None:
    async def test() -> None:
        async with running([f"127.0.0.1:{free_port()}"], 3, PATIENCE) as cluster:
            cluster.osds[2].stop()
            await until(lambda: cluster.up() == [0, 1])
            before = cluster.monitors[0].map
            await cluster.ends[0].result("osd purge", osd=2)
            newcomer = FakeOsd(2, "new")
            cluster.osds.append(newcomer)
            await newcomer.start(*cluster.addresses)
            await until(lambda: cluster.up() == [0, 1, 2])
            after = cluster.monitors[0].map.osds[2]
            assert after.incarnation == newcomer.incarnation
            assert after.created > before.epoch, "it is a new member"

    run(test())

"""The cluster's client and its monitors: any one that answers will do, for maps and for commands."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from storage.client.cluster import Cluster, CommandRefused
from storage.errors import Unavailable
from storage.messages import CommandReply
from tests.unit.mon_fakes import run, until
from tests.unit.osd_fake import running


def test_a_client_needs_a_monitor_that_answers() -> None:
    async def test() -> None:
        client = Cluster(["127.0.0.1:1"], deadline=0.2)
        with pytest.raises(Unavailable, match="no monitor answers at 127"):
            await client.start()

    run(test())


def test_one_monitor_is_enough() -> None:
    async def test() -> None:
        async with running() as rig:
            rig.monitors[0].stop()
            rig.monitors[1].learn(replace(rig.map, epoch=5))
            await until(lambda: rig.client.map.epoch == 5)
            rig.monitors[1].replies = [CommandReply(0, "", b'{"a": 1}')]
            assert await rig.client.command("status") == {"a": 1}

    run(test())


def test_a_command_goes_from_monitor_to_monitor() -> None:
    async def test() -> None:
        async with running() as rig:
            rig.monitors[0].replies = [CommandReply(0, "no majority here", retry=True)]
            rig.monitors[1].replies = [CommandReply(0, "", b"7")]
            assert await rig.client.command("pool create", {"pool": "q"}) == 7
            assert rig.monitors[1].commands[0].arguments == b'{"pool": "q"}'
            rig.monitors[0].replies = [CommandReply(0, "that makes no sense")]
            with pytest.raises(CommandRefused, match="that makes no sense"):
                await rig.client.command("pool create")

    run(test())


def test_a_command_that_nobody_can_carry_out_says_why() -> None:
    async def test() -> None:
        async with running(deadline=0.5) as rig:
            for monitor in rig.monitors:
                monitor.replies = [CommandReply(0, "no majority", retry=True)] * 50
            with pytest.raises(Unavailable, match="no majority"):
                await rig.client.command("pool create")

    run(test())


def test_fencing_is_a_command() -> None:
    async def test() -> None:
        async with running() as rig:
            rig.monitors[0].replies = [CommandReply(0, "")]
            await rig.io.fence("client.x")
            assert (rig.monitors[0].commands[0].name, rig.monitors[0].commands[0].arguments) == (
                "blocklist add",
                b'{"client": "client.x"}',
            )

    run(test())


def test_each_client_is_somebody_else() -> None:
    one, other = Cluster(["h:1"]), Cluster(["h:1"])
    assert one.client_id != other.client_id
    assert len(one.client_id) == len("client.") + 16

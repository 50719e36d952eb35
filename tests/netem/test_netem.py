"""The router and a part's slowness on a kernel that has netem: asked and measured as `quorate fault` does it.

Hardly any machine that runs tests has such a kernel. QEMU boots Debian's, with nothing but the router's image in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from lab import wan_wish
from lab.leases import slowness
from lab.topology import Part, Topology
from lab.wan import Measured
from lab.wan_wish import Links
from tests.netem import ingredients, modules
from tests.netem.machine import booted
from tests.netem.world import World
from tests.tools import need

SLOW = float(os.environ.get("QUORATE_SLOW", "1"))
#: How much later than it should a packet may arrive in an emulated machine whose host does other things, in ms.
LATE = 30 * SLOW

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300 * SLOW)]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The sites, with no router yet; the kernel has netem, and nothing that says which packets it is for."""
    need("qemu-system-x86_64")
    folder = tmp_path_factory.mktemp("netem")
    image = ingredients.image()
    found = ingredients.unpack_kernel(ingredients.fetch_kernel(folder), folder)
    ingredients.write_root(folder / "root", image, found)
    try:
        with booted(folder / "vmlinuz", folder / "root", folder, SLOW) as machine:
            world = World(machine, SLOW)
            world.load(modules.in_order((*modules.ROUTER, *modules.NETEM), found))
            world.lay_wires()
            yield world
    finally:
        for file in (folder / "root", folder / "vmlinuz"):
            file.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def without_marks(machine: World) -> dict[str, Any]:
    """What the router says on such a kernel."""
    machine.start_router()
    return machine.wan.show()


@pytest.fixture(scope="module")
def world(machine: World, without_marks: dict[str, Any]) -> World:
    """The router, on a kernel that has all that it needs."""
    machine.load(list(modules.MARKS))
    machine.start_router()
    return machine


def measured(world: World, links: Links) -> tuple[dict[str, Any], dict[str, Measured]]:
    """What the router says to these links, and each pair of sites then, as `quorate fault wan` measures it."""
    state = world.wan.apply(links)
    reports = world.wan.measure(state["links"])
    return state, {report.pair: report.measured for report in reports if report.measured}


def test_netem_alone_is_not_enough(without_marks: dict[str, Any]) -> None:
    assert without_marks["mechanism"] == {"delay": "tun", "loss": "iptables, or tun where delayed"}


def test_a_delay_holds_both_ways_and_ends_when_it_is_healed(world: World) -> None:
    state, slow = measured(world, wan_wish.changed({}, "one-two", delay_ms=80.0))
    assert (state["mechanism"], state["path"]) == ({"delay": "netem", "loss": "iptables"}, "netem")
    assert 160 <= slow["one-two"].shortest <= slow["one-two"].median < 160 + LATE
    assert max(slow["one-outside"].median, slow["two-outside"].median) < LATE
    state, healed = measured(world, wan_wish.healed(state["links"]))
    assert (state["links"], state["path"]) == ({}, "kernel")
    assert len(healed) == 3
    assert all(pair.returned == pair.sent and pair.median < LATE for pair in healed.values())


def test_each_direction_has_its_own_delay_loss_and_cut(world: World) -> None:
    links = {"one>two": {"delay_ms": 80, "loss": 12}, "two>one": {"delay_ms": 20}, "one-outside": {"delay_ms": 5}}
    world.wan.apply(links | {"outside>two": {"cut": True}})
    found = world.one_way(count=400)
    expected = {"one>two": 80, "two>one": 20, "one>outside": 5, "outside>one": 5, "two>outside": 0}
    for direction, delay in expected.items():
        assert delay <= found[direction]["shortest"] <= found[direction]["median"] < delay + LATE, direction
    assert found["outside>two"] == {"arrived": 0}
    assert 400 - 80 < found["one>two"].pop("arrived") < 400 - 18
    assert {found[direction].get("arrived", 400) for direction in expected} == {400}


def test_what_is_under_way_arrives_when_the_links_change(world: World) -> None:
    world.wan.apply(wan_wish.changed({}, "all", delay_ms=300.0))
    found = world.one_way(count=200, then={"one-two": {"delay_ms": 40}})
    assert {direction["arrived"] for direction in found.values()} == {200}
    assert all(direction["longest"] >= 300 for direction in found.values())
    assert all(direction["shortest"] < 300 for direction in found.values())


def test_a_cut_cuts(world: World) -> None:
    _, cut = measured(world, wan_wish.changed({}, "two", cut=True))
    assert [cut[pair].returned for pair in wan_wish.PAIRS] == [0, cut["one-outside"].sent, 0]


def test_a_part_that_is_slow_delays_what_it_sends(world: World) -> None:
    part, topology = Part("one", "lb", 11), Topology("lab", "10.8.0", 0)
    world.wan.apply({})
    slowness.begin(world.engine, topology, part, 70.0, 60.0)
    slow = world.one_way(count=100)
    slowness.end(world.engine, topology, part)
    healed = world.one_way(count=100)
    assert 70 <= slow["one>two"]["shortest"] <= slow["one>two"]["median"] < 70 + LATE
    assert slow["two>one"]["median"] < LATE
    assert all(direction["arrived"] == 100 and direction["median"] < LATE for direction in healed.values())

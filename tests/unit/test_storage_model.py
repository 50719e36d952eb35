"""Clusters of the real state machines under faults: every history must be linearizable, and every cluster must heal."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.registers import Ruling, judge
from tests.model.clients import Client
from tests.model.world import POOL, World

#: What may happen, and where: most of it by name a method of World.
FAULTS = (
    "crash", "crash", "crash_all", "restart", "restart", "pause", "resume", "isolate", "cut", "cut_osds",
    "mend_network", "mark_down", "depose", "move",
)  # fmt: skip
OSD = st.integers(0, 5)
STORM = st.lists(
    st.tuples(st.floats(0.001, 1.5) | st.floats(0.001, 0.1), st.sampled_from(FAULTS), OSD, OSD), min_size=1, max_size=14
)


def strike(world: World, fault: str, one: int, other: int) -> None:
    one, other = one % len(world.hosts), other % len(world.hosts)
    if fault == "crash_all":
        for host in world.hosts:
            world.crash(host.number)
    elif fault == "cut":
        world.cut(one, other)
    elif fault == "cut_osds":
        world.isolate(one, monitors=False)
    elif fault == "mend_network":
        world.apart.clear()
        world.cut_from_monitors.clear()
    else:
        getattr(world, fault)(one)


def stop(world: World, clients: list[Client]) -> None:
    """No more operations; those under way end, one way or the other."""
    for client in clients:
        client.stopped = True
    world.run(4.0)


def trial(
    seed: int, faults: list[tuple[float, str, int, int]], *, loss: float, reorder: bool, osds: int = 3, objects: int = 3
) -> World:
    """Run faults one after the other under load, end them all, and judge."""
    world = World(seed, osds, loss=loss, reorder=reorder)
    assert world.run_until(lambda: world.is_clean, 10), "a new cluster becomes clean"
    clients = [Client(world, f"client.{number}", objects, blocks=1) for number in range(4)]
    world.run(0.5)
    for seconds, fault, one, other in faults:
        strike(world, fault, one, other)
        world.run(seconds)
    world.mend()
    healed = world.run_until(lambda: world.is_clean, 30)
    world.run(4.0)
    stop(world, clients)
    history = [operation for client in clients for operation in client.history]
    verdict = judge(history, initial=0)
    story = "\n".join(f"{time:8.3f} {sentence}" for time, sentence in world.story)
    assert verdict.ruling is Ruling.VALID, f"{[one.says for one in verdict.counterexamples]}\n{story}"
    assert healed, f"does not heal\n{story}"
    return world


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 1 << 30), faults=STORM, loss=st.sampled_from([0.0, 0.0, 0.05]), reorder=st.booleans(),
    osds=st.sampled_from([3, 3, 6]), objects=st.sampled_from([1, 3]),
)  # fmt: skip
def test_histories_are_linearizable_and_clusters_heal(
    seed: int, faults: list[tuple[float, str, int, int]], loss: float, reorder: bool, osds: int, objects: int
) -> None:
    trial(seed, faults, loss=loss, reorder=reorder, osds=osds, objects=objects)


@pytest.mark.parametrize("fault", ["crash", "pause", "isolate", "mark_down"])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_one_fault_is_survived_while_it_lasts(fault: str, number: int) -> None:
    """With min_size 2 of 3, clients are served again although the fault goes on."""
    world = World(number)
    assert world.run_until(lambda: world.is_clean, 10)
    client = Client(world, "client.0", objects=8, blocks=1, patience=60)
    world.run(1.0)
    strike(world, fault, number, number)
    world.run(4.0)
    before = len(client.history)
    world.run(2.0)
    assert len(client.history) > before + 20


def test_a_deposed_primary_reads_no_longer_than_its_lease() -> None:
    """It is cut off from all but a client who knows no newer map; others write through its successor meanwhile."""
    reads_by_lease = 0
    for seed in range(12):
        world = World(seed)
        assert world.run_until(lambda: world.is_clean, 10)  # noqa: B023
        clients = [Client(world, f"client.{number}", objects=1, blocks=1) for number in range(4)]
        world.run(0.5)
        primary = world.map.interval(world.map.pg_of(POOL, "object-0")).primary
        assert primary is not None
        world.depose(primary)
        deposed = world.time
        world.run(2.0)
        stop(world, clients)
        assert judge([one for client in clients for one in client.history], initial=0).ruling is Ruling.VALID
        assert any(one.end and one.end > deposed for client in clients[1:] for one in client.history), "others go on"
        reads_by_lease += sum(one.start > deposed for one in clients[0].history)
    assert reads_by_lease, "nobody read from a deposed primary: this shows nothing"

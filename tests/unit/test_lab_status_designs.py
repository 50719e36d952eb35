"""The status of labs of other designs."""

from __future__ import annotations

from rich.console import Console

from lab.assess import assess
from lab.containers import ContainerFacts
from lab.design import Design, parse
from lab.facts import Broker, Facts, Queue
from lab.probes import read_broker, read_state
from lab.readiness import REPLICAS, STAGES, missing, title
from lab.status_model import Health, RegionStatus, Verdict
from lab.status_view import draw_region
from lab.topology import Topology


def seen(
    design: str, lines: dict[str, str], writer: str | None = "db1", queues: tuple[Queue, ...] = ()
) -> RegionStatus:
    topology = Topology("a-lab", "10.1.0", 20000, design=parse(design))
    containers = {part.name: ContainerFacts(part.name, part.name, "running", True) for part in topology.parts}
    facts = Facts(
        containers=containers,
        galera={name: read_state(line) for name, line in lines.items()},
        writers={"lb1": writer},
        broker=Broker(frozenset({"mq1", "mq2", "mq3"}), queues),
    )
    return assess(topology, facts, "haproxy")


def databases(status: RegionStatus) -> dict[str, tuple[Health, str]]:
    (role,) = [role for role in status.roles if role.role == "galera"]
    return {part.name: (part.health, part.says) for part in role.parts}


def text(status: RegionStatus) -> str:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(draw_region(status))
    return captured.get()


REPLICATED = {
    "db1": "1 0-1-9 9 up 0 0-1-9 -",
    "db2": "2 0-1-9 9 replica 0 0-1-9 1",
    "db3": "3 0-1-9 9 replica 0 0-1-9 1",
}


def test_a_primary_and_its_replicas() -> None:
    status = seen("replication", REPLICATED)
    assert databases(status) == {
        "db1": (Health.GOOD, "primary, takes the writes"),
        "db2": (Health.GOOD, "replica of db1"),
        "db3": (Health.GOOD, "replica of db1"),
    }
    assert status.galera_size == 3
    assert "replication" in text(status)
    assert "Writes go to db1 of 3 in step" in text(status)
    (stage,) = [stage for stage in STAGES if "galera" in stage.roles]
    assert title(stage, status.design) == REPLICAS
    assert title(stage, Design()) == stage.title
    assert missing(stage, status, None) == []


def test_replicas_without_their_primary_serve_no_writes() -> None:
    lines = {"db2": "2 0-1-9 9 cut 0 0-1-9 1", "db3": "3 0-1-9 9 cut 0 0-1-9 1"}
    status = seen("replication", lines, writer=None)
    assert databases(status)["db2"] == (Health.DOUBTFUL, "does not reach db1, whom it follows")
    assert next(role for role in status.roles if role.role == "galera").verdict is Verdict.FAILING
    assert "Writes go to nobody" in text(status)


def test_a_diverged_node_is_said() -> None:
    status = seen(
        "semisync", REPLICATED | {"db1": "1 0-1-12 12 diverged 0 0-1-12 2", "db2": "2 0-2-11 11 up 0 - -"}, "db2"
    )
    assert databases(status)["db1"] == (Health.DOUBTFUL, "has transactions that db2 has not (`quorate db lost`)")


def test_several_writers() -> None:
    lines = {f"db{n}": f"{n} 1111 9 up 1 1111:1/3 1,2,3" for n in (1, 2, 3)}
    assert "Writes go to each of 3 synced" in text(seen("galera-multiwriter", lines))


def test_classic_queues_are_on_one_broker_and_nobody_waits_for_more() -> None:
    nodes = [{"name": f"rabbit@mq{n}", "running": n < 3} for n in (1, 2, 3)]
    rows = [
        {"name": "conductor", "type": "classic", "durable": True, "node": "rabbit@mq2"},
        {"name": "scheduler", "type": "classic", "durable": True, "node": "rabbit@mq3"},
        {"name": "reply", "type": "classic", "durable": False, "node": "rabbit@mq1"},
    ]
    queues = read_broker(nodes, rows).queues
    assert queues == (Queue("conductor", "mq2", 1, 1), Queue("scheduler", "mq3", 1, 0))
    status = seen("mq=classic", {}, queues=queues)
    assert status.queue_leaders == {"conductor": "mq2", "scheduler": "mq3"}
    assert status.thin_queues == ("conductor on 1 of 3", "scheduler on 0 of 3")
    assert missing(STAGES[-1], status, None) == []
    assert missing(STAGES[-1], seen("galera", {}, queues=queues), None) == list(status.thin_queues)


def test_a_single_load_balancer_has_no_second() -> None:
    (role,) = [role for role in seen("lb=single", {}).roles if role.role == "lb"]
    assert [part.name for part in role.parts] == ["lb1"]

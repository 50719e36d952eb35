"""A lab's design: asked for once, remembered, not changed under data."""

from __future__ import annotations

import pytest

from lab import envfile, secrets, state
from lab.database_proxy import DESIGNED, ProxyChoice, choose
from lab.design import DEFAULT, Balancers, Database, Design, Queues, parse, wanted_design
from lab.errors import BadNameError, LabError
from lab.state import LabState
from lab.topology import Topology

REPLICATION = Design(Database.REPLICATION)


def test_names_read_back() -> None:
    for database in Database:
        for balancers in Balancers:
            for queues in Queues:
                design = Design(database, balancers, queues)
                assert parse(design.name) == design
    assert parse("lb=single") == Design(balancers=Balancers.SINGLE)
    assert parse("MQ=classic+semisync").name == "semisync+mq=classic"


@pytest.mark.parametrize("name", ["", "oracle", "lb=three", "galera+semisync", "db2=galera", "mq="])
def test_what_names_no_design_is_refused(name: str) -> None:
    if name in {"", "mq="}:
        assert parse(name) == DEFAULT  # nothing asked for
    else:
        with pytest.raises(BadNameError):
            parse(name)


def test_a_lab_keeps_its_design() -> None:
    assert wanted_design({}, None) == DEFAULT
    assert wanted_design({"DB": "replication"}, None) == REPLICATION
    assert wanted_design({}, REPLICATION) == REPLICATION
    assert wanted_design({"DB": "replication"}, REPLICATION) == REPLICATION
    with pytest.raises(LabError, match=r"is of the design replication.*make up DB=galera"):
        wanted_design({"DB": "galera"}, REPLICATION)
    with pytest.raises(LabError, match=r"galera\+mq=classic"):
        wanted_design({"MQ": "classic"}, DEFAULT)


def test_the_state_remembers_it(tmp_path) -> None:
    kept = LabState("course-7", "10.150.2", 21000, "haproxy", "why", 1, "semisync+lb=single")
    state.save(tmp_path / "lab.json", kept)
    read = state.load(tmp_path / "lab.json")
    assert read is not None
    assert read.topology.design == Design(Database.SEMISYNC, Balancers.SINGLE)


def test_an_older_state_is_of_the_default_design(tmp_path) -> None:
    (tmp_path / "lab.json").write_text('{"lab": "a-lab", "subnet": "10.1.0", "port_base": 20000}')
    read = state.load(tmp_path / "lab.json")
    assert read is not None
    assert read.design == DEFAULT


def test_only_galera_with_one_writer_stands_behind_proxysql() -> None:
    assert choose("", True, None, lambda: True, DEFAULT) == ProxyChoice("proxysql")
    assert choose("", True, None, lambda: True, REPLICATION) == ProxyChoice("haproxy", DESIGNED)
    with pytest.raises(BadNameError, match="behind HAProxy"):
        choose("proxysql", True, None, lambda: True, REPLICATION)


def test_a_single_load_balancer_is_alone() -> None:
    alone = Topology("a-lab", "10.1.0", 20000, design=Design(balancers=Balancers.SINGLE))
    assert [part.name for part in alone.parts_with_role("lb")] == ["lb1"]
    assert len(alone.parts) + 1 == len(Topology("a-lab", "10.1.0", 20000).parts)


def test_compose_is_told() -> None:
    told = envfile.values(
        Topology("a-lab", "10.1.0", 20000, design=parse("semisync+mq=classic")), "haproxy", secrets.complete({})
    )
    assert (told["DB_DESIGN"], told["QUEUE_TYPE"]) == ("semisync", "classic")
    assert told["DB_REPLICATION_PASSWORD"]

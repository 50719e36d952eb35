"""Faults as leases: whom a selector means, what ends with which lease, what the files keep."""

from __future__ import annotations

import random
import stat
from pathlib import Path

import pytest

from lab.containers import ContainerFacts
from lab.errors import BadNameError, LabError
from lab.leases import packets, slowness
from lab.leases.command import duration
from lab.leases.kinds import is_to_undo, milliseconds, refuse, rules, rules_kept, share, skew
from lab.leases.lease import Lease, Leases, new, to_mend
from lab.leases.selectors import STATEFUL, STATELESS, Selection
from lab.names import find_part
from lab.status_model import RegionStatus
from lab.topology import Topology, all_parts

THERE = {part.label for part in all_parts(2)} - {"proxysql1", "proxysql2", "two/proxysql1", "two/proxysql2"}
TOPOLOGY = Topology("quorate-abc", "10.8.0", 20000, regions=2)


def region(site: str, **changes: object) -> RegionStatus:
    values: dict[str, object] = {
        "lab": "quorate-abc", "region": f"region-{site}", "site": site, "address": "10.8.0.10", "address_holder": "lb2",
        "is_routed": True, "database_proxy": "haproxy", "database_proxy_reason": "", "writer": "db3", "galera_size": 3,
        "queue_leaders": {"conductor": "mq1", "scheduler": "mq2"}, "thin_queues": (), "thin_groups": (),
        "idle_groups": (), "roles": (),
    }  # fmt: skip
    return RegionStatus(**values | changes)  # type: ignore[arg-type]


def chosen(*selectors: str, seed: int = 1, **changes: object) -> list[str]:
    selection = Selection(THERE, lambda site: region(site, **changes), random.Random(seed))
    return [part.label for part in selection.parts(selectors)]


@pytest.mark.parametrize(
    ("selector", "labels"),
    [
        ("db1", ["db1"]),
        ("two/db1", ["two/db1"]),
        ("galera:writer", ["db3"]),
        ("db:reader", ["db1", "db2"]),
        ("db:primary", ["db3"]),
        ("galera:replica", ["db1", "db2"]),
        ("two/galera:writer", ["two/db3"]),
        ("lb:active", ["lb2"]),
        ("lb:standby", ["lb1"]),
        ("mq:leader", ["mq1"]),
        ("mq:leader:scheduler", ["mq2"]),
        ("rabbitmq:follower:scheduler", ["mq1", "mq3"]),
        ("osd:2", ["osd2"]),
        ("identity:all", ["identity1", "identity2"]),
    ],
)
def test_roles_stand_for_who_has_them_now(selector: str, labels: list[str]) -> None:
    assert chosen(selector) == labels


def test_a_region_stands_for_all_that_it_has() -> None:
    lost = chosen("region:two", "two/lb1")
    assert len(lost) == len(set(lost)) > 30
    assert {label.partition("/")[0] for label in lost} == {"two"}
    assert chosen("region-two") == chosen("region:two")


def test_chance_chooses_within_the_group_and_the_same_for_the_same_seed() -> None:
    for group, roles in (("stateless", STATELESS), ("stateful", STATEFUL)):
        seen = {chosen(f"random:{group}", seed=seed)[0] for seed in range(40)}
        assert len(seen) > 5
        assert {find_part(label).role for label in seen} <= roles
    assert chosen("random:any", seed=7) == chosen("random:any", seed=7)
    assert find_part(chosen("two/random:osd")[0]).role == "osd"


@pytest.mark.parametrize(
    ("selector", "said"),
    [
        ("galera:leader", "writer, reader"),
        ("galeera:writer", "Did you mean galera"),
        ("osd:9", "no osd number 9"),
        ("mq:leader:nothing", "no queue 'nothing'"),
        ("random:fish", "Known: stateless"),
        ("three/lb:active", "no site 'three'"),
        ("identity:active", "a number"),
        ("db9", "Did you mean db"),
    ],
)
def test_what_makes_no_sense_is_said_with_what_would(selector: str, said: str) -> None:
    with pytest.raises(BadNameError, match=said):
        chosen(selector)


def test_a_role_that_nobody_has_is_no_silent_success() -> None:
    with pytest.raises(LabError, match="Nobody is galera:writer just now"):
        chosen("galera:writer", writer=None)


def test_a_look_is_taken_only_where_the_answer_depends_on_it() -> None:
    def never(site: str) -> RegionStatus:
        raise AssertionError(site)

    selection = Selection(THERE, never, random.Random(1))
    assert [part.label for part in selection.parts(["db1", "osd:2", "lb:all"])] == ["db1", "osd2", "lb1", "lb2"]


def lease(kind: str, *labels: str, until: float = 100.0, name: str = "a", detail: str = "") -> Lease:
    return Lease(name, kind, labels, 0.0, until, detail)


def test_what_another_lease_keeps_broken_stays_so() -> None:
    first = lease("kill", "db1", "db2", until=10.0)
    later = lease("stop", "db2", until=20.0, name="b")
    other = lease("pause", "db1", until=20.0, name="c")
    assert to_mend(first, [first, later, other], 10.0) == ("db1",)
    assert to_mend(later, [later, other], 20.0) == ("db2",)
    assert to_mend(first, [first, later], 25.0) == ("db1", "db2")


def test_leases_are_kept_for_their_owner_only_and_survive_rubbish(tmp_path: Path) -> None:
    kept = Leases(tmp_path / "faults")
    assert kept.all() == []
    one, two = new("kill", ["db1"], 5.0, 30.0), new("loss", ["lb1", "lb2"], 4.0, 60.0, "5%")
    kept.add(one)
    kept.add(two)
    (tmp_path / "faults" / "zzzz.json").write_text("{")
    (tmp_path / "faults" / "yyyy.json").write_text('{"labels": []}')
    assert kept.all() == [two, one]
    assert kept.find(one.id) == one
    assert stat.S_IMODE((tmp_path / "faults" / f"{one.id}.json").stat().st_mode) == 0o600
    kept.remove(one.id)
    kept.remove(one.id)
    assert (kept.find(one.id), kept.all()) == (None, [two])
    assert two.sentence(34.0) == f"{two.id}  loss 5%  lb1, lb2  30 s left"
    assert two.sentence(99.0).endswith("due")


def test_packets_are_dropped_both_ways() -> None:
    cut = rules(lease("partition", "db1", detail="from db2,two/db3"), TOPOLOGY)
    assert cut == packets.drop_to_and_from(["10.8.0.22", "10.8.1.23"])
    assert len(cut) == 4
    assert "--probability 0.0500" in rules(lease("loss", "lb1", detail="5%"), TOPOLOGY)[0]


def test_only_what_is_as_the_fault_left_it_is_mended() -> None:
    def found(kind: str, state: str, is_connected: bool = True) -> bool:
        return is_to_undo(lease(kind, "db1").condition, ContainerFacts("db1", "q-one-db1", state, is_connected))

    assert [found("kill", state) for state in ("exited", "paused", "running")] == [True, False, False]
    assert [found("stop", state) for state in ("exited", "paused", "running")] == [True, False, False]
    assert [found("pause", state) for state in ("exited", "paused", "running")] == [False, True, False]
    assert [found("isolate", "running", connected) for connected in (True, False)] == [False, True]
    assert [found("loss", state) for state in ("running", "exited")] == [True, False]


def test_of_a_parts_packets_other_leases_keep_theirs() -> None:
    others = [lease("loss", "db1", detail="5%"), lease("kill", "db1"), lease("loss", "db2", detail="9%")]
    assert rules_kept("db1", others, TOPOLOGY) == packets.lose(0.05)
    assert rules_kept("db3", others, TOPOLOGY) == []


@pytest.mark.parametrize("text", ["0", "-5", "101%", "much", "", "nan"])
def test_a_share_is_a_percentage(text: str) -> None:
    with pytest.raises(BadNameError, match="say 5%"):
        share(text)
    assert (share("5%"), share("100")) == (0.05, 1.0)


def test_times_have_units() -> None:
    assert (duration("20"), duration("20s"), duration("1.5m"), duration("2h")) == (20, 20, 90, 7200)
    assert (milliseconds("80"), milliseconds("0.5ms")) == (80, 0.5)
    for text in ("0", "-3s", "25h", "soon", "5 m", ""):
        with pytest.raises(BadNameError, match="say 20s or 5m"):
            duration(text)
    with pytest.raises(BadNameError, match="say 80ms"):
        milliseconds("nan")


@pytest.mark.parametrize(("text", "seconds"), [("+2h", 7200.0), ("-90s", -90.0), ("+1.5m", 90.0)])
def test_a_clock_is_ahead_or_behind(text: str, seconds: float) -> None:
    assert skew(text) == seconds


@pytest.mark.parametrize("text", ["2h", "+", "+0s", "-1", "+2d", "+9999h", "soon"])
def test_what_no_clock_is_off_by_is_refused(text: str) -> None:
    with pytest.raises(BadNameError, match=r"say \+2h, or -90s"):
        skew(text)


def test_a_part_without_a_disk_or_clock_of_its_own_is_refused_before_anything_is_done() -> None:
    well, database, balancer = find_part("osd1"), find_part("db1"), find_part("lb1")
    with pytest.raises(BadNameError, match=r"db1 has no disk .* osd, rabbitmq, swift"):
        refuse("fill-disk", [well, database])
    with pytest.raises(BadNameError, match=r"lb1 has no clock .* identity, image"):
        refuse("clock-skew", [well, balancer])
    refuse("fill-disk", [well])
    refuse("kill", [database, balancer])


def test_what_only_a_lease_knows_of_is_mended_whatever_the_part_looks_like() -> None:
    for condition in ("its disk", "its clock"):
        assert is_to_undo(condition, ContainerFacts("osd1", "c", "exited", is_connected=True))


def test_a_fault_lasts_from_when_it_is_all_there() -> None:
    ordered = new("kill", ["db1"], 100.0, 5.0)
    assert (ordered.from_now(107.0).began, ordered.from_now(107.0).until) == (107.0, 112.0)
    assert ordered.from_now(107.0).id == ordered.id


def test_whoever_breaks_or_mends_waits_for_its_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.leases.lease.TURN", 0.1)
    leases, others = Leases(tmp_path), Leases(tmp_path)
    with leases.turn(), pytest.raises(LabError, match="Another command is changing what is broken"), others.turn():
        pass
    with others.turn():
        assert leases.all() == []


def test_a_slow_part_may_have_much_under_way() -> None:
    assert slowness.netem("replace", 80.0).endswith(" root netem delay 80ms limit 20000")
    assert slowness.netem("change", 0).endswith(" root netem delay 0ms limit 20000")

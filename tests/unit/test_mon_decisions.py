"""What the monitors decide: who is up, who is down, what is in, what is out; and when they must not decide."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from msgspec.structs import replace

from storage.cluster_map import ClusterMap, Osd, Pool, decode_map, encode_map
from storage.messages import Beacon, Boot, Failure, Heard, PgReport, UpThru
from storage.mon.decisions import KEPT_MAPS, Patience, decide, refusal
from storage.mon.reports import FLAPPING, Reports
from storage.names import NO_VERSION, PgId

PATIENCE = Patience()
#: Long after the monitor started, and long after the map's last change.
NOW, WALL = 1000.0, 1_700_001_000.0


def osd(number: int, **changes: Any) -> Osd:
    usual = Osd(
        uuid=f"disk{number}", host=f"host{number}", zone="z", address=f"h{number}:1", up=True, created=1, up_from=5,
        since=WALL - 900, incarnation=f"start{number}",
    )  # fmt: skip
    return replace(usual, **changes)


def cluster(count: int = 3, pools: dict[int, Pool] | None = None, **osds: Any) -> ClusterMap:
    """`o1={...}` changes osd.1."""
    members = {number: osd(number, **osds.get(f"o{number}", {})) for number in range(count)}
    return ClusterMap(fsid="f", epoch=10, osds=members, pools={1: Pool(name="p", pg_num=2)} if pools is None else pools)


def hearing(*numbers: int, monitors: int = 1, **fields: Any) -> Reports:
    """Reports of a monitor that hears these OSDs."""
    reports = Reports(started=0.0, monitors=monitors, **fields)
    for number in numbers:
        reports.beacon(Beacon(number, f"start{number}", 10, 100, 10), NOW - 0.5)
    return reports


def accuse(reports: Reports, target: int, *reporters: int, **changes: Any) -> None:
    for reporter in reporters:
        said = Failure(reporter, target, f"start{target}", True, "silent for 1.5 s", 10)
        reports.failure(replace(said, **changes), NOW - 0.2)


def boot(number: int, **changes: Any) -> Boot:
    usual = Boot(number, f"disk{number}", f"start{number}", f"h{number}:1", f"host{number}", "z", 1.0, 10)
    return replace(usual, **changes)


def after(before: ClusterMap, reports: Reports, now: float = NOW, wall: float = WALL) -> ClusterMap | None:
    found = decide(before, reports, now, wall, PATIENCE)
    if found is not None:
        assert found.epoch == before.epoch + 1
        assert found.reason
        assert decode_map(encode_map(found)) == found
    return found


def changed(before: ClusterMap, reports: Reports, now: float = NOW, wall: float = WALL) -> ClusterMap:
    found = after(before, reports, now, wall)
    assert found is not None
    return found


# -- booting ---------------------------------------------------------------------------------------------------------


def test_nothing_changes_while_all_is_well() -> None:
    assert after(cluster(), hearing(0, 1, 2)) is None


def test_a_new_osd_is_added() -> None:
    reports = hearing(0, 1, 2)
    reports.boots[7] = (NOW, boot(7, zone="y", weight=2.0))
    new = changed(cluster(), reports).osds[7]
    assert (new.up, new.placed, new.weight, new.zone, new.address) == (True, True, 2.0, "y", "h7:1")
    assert (new.created, new.up_from, new.up_thru) == (11, 11, 0)


def test_a_known_osd_comes_back_and_keeps_what_is_its_own() -> None:
    before = cluster(o1={"up": False, "down_at": 8, "weight": 3.0, "up_thru": 7})
    reports = hearing(0, 2)
    reports.boots[1] = (NOW, boot(1, incarnation="again", address="elsewhere:1", weight=1.0))
    back = changed(before, reports).osds[1]
    assert (back.up, back.incarnation, back.address) == (True, "again", "elsewhere:1")
    assert (back.created, back.up_from, back.up_thru, back.weight, back.since) == (1, 11, 0, 3.0, WALL)


@pytest.mark.parametrize(("automatic", "placed"), [(True, True), (False, False)])
def test_whom_a_person_took_out_stays_out(automatic: bool, placed: bool) -> None:
    before = cluster(o1={"up": False, "placed": False, "auto_out": automatic})
    reports = hearing(0, 2)
    reports.boots[1] = (NOW, boot(1))
    back = changed(before, reports).osds[1]
    assert (back.up, back.placed, back.auto_out) == (True, placed, False)


def test_a_restart_that_nobody_noticed_is_a_new_beginning() -> None:
    reports = hearing(0, 1, 2)
    reports.boots[1] = (NOW, boot(1, incarnation="again"))
    assert changed(cluster(), reports).osds[1].up_from == 11


def test_booting_twice_is_harmless() -> None:
    reports = hearing(0, 1, 2)
    reports.boots[1] = (NOW, boot(1))
    assert after(cluster(), reports) is None


def test_another_disk_under_a_known_number_is_refused() -> None:
    for up in (True, False):
        before = cluster(o1={"up": up})
        reports = hearing(0, 1, 2)
        reports.boots[1] = (NOW, boot(1, uuid="another", incarnation="x"))
        assert after(before, reports) is None
        assert "osd purge 1" in str(refusal(before, boot(1, uuid="another")))


def test_an_old_request_to_boot_is_forgotten() -> None:
    reports = hearing(0, 2)
    reports.boots[1] = (NOW - PATIENCE.boot - 0.1, boot(1))
    assert after(cluster(o1={"up": False}), reports) is None


def test_who_was_wrongly_taken_for_dead_boots_once_it_knows() -> None:
    before = cluster(o1={"up": False, "down_at": 10})
    reports = hearing(0, 1, 2)
    reports.boots[1] = (NOW, boot(1, epoch=9))  # said before it was taken for dead: perhaps it has died since
    assert after(before, reports) is None
    reports.boots[1] = (NOW, boot(1, epoch=10))
    assert changed(before, reports).osds[1].up


def test_who_flaps_waits_longer_each_time() -> None:
    before = cluster(o1={"up": False, "down_at": 10})
    reports = hearing(0, 1, 2)
    reports.boots[1] = (NOW, boot(1))
    reports.died(1, NOW - 0.1)
    assert after(before, reports) is not None  # once is bad luck
    reports.died(1, NOW)
    assert after(before, reports, NOW + 0.9) is None
    assert after(before, reports, NOW + 1.1) is not None
    for _ in range(3):
        reports.died(1, NOW)
    assert reports.must_wait(1, NOW + 7.9)
    assert not reports.must_wait(1, NOW + 8.1)
    reports.boots[1] = (NOW, boot(1, incarnation="again"))
    assert after(before, reports) is not None  # a restart is another matter
    assert not reports.must_wait(1, NOW + FLAPPING + 1)


# -- down ------------------------------------------------------------------------------------------------------------


def test_two_that_miss_a_third_are_believed() -> None:
    reports = hearing(0, 1, 2)
    accuse(reports, 2, 0)
    assert after(cluster(), reports) is None
    accuse(reports, 2, 1, reason="connection refused")
    found = changed(cluster(), reports)
    assert not found.osds[2].up
    assert (found.osds[2].down_at, found.osds[2].placed, found.osds[2].since) == (11, True, WALL)
    assert found.reason == "osd.2 down: silent for 1.5 s, say osd.0, osd.1"


def test_one_is_enough_where_there_is_only_one_other() -> None:
    before = cluster(o0={"up": False})
    reports = hearing(1, 2)
    accuse(reports, 2, 1)
    assert not changed(before, reports).osds[2].up


@pytest.mark.parametrize(
    "unfit",
    [
        {"incarnation": "an earlier start"},
        {"epoch": 4},  # said before the accused came up
        {"failed": False},
    ],
)
def test_accusations_that_do_not_count(unfit: dict[str, Any]) -> None:
    reports = hearing(0, 1, 2)
    accuse(reports, 2, 0)
    accuse(reports, 2, 1, **unfit)
    assert after(cluster(), reports) is None


def test_accusations_by_the_dead_and_by_strangers_do_not_count() -> None:
    reports = hearing(0, 1, 2, 3)
    accuse(reports, 2, 0, 1, 9)
    assert after(cluster(4, o1={"up": False, "since": WALL - 10}), reports) is None


def test_accusations_grow_old() -> None:
    reports = hearing(0, 1, 2)
    accuse(reports, 2, 0, 1)
    assert after(cluster(), reports, NOW + 2.5) is None


def test_one_that_answers_again_is_believed() -> None:
    reports = hearing(0, 1, 2)
    accuse(reports, 2, 0, 1)
    reports.failure(Failure(1, 2, "start2", False, "it answers again", 10), NOW)
    assert after(cluster(), reports) is None


def test_a_partitioned_osd_accuses_everybody_in_vain() -> None:
    reports = hearing(0, 1, 2, 3)
    for target in (0, 1, 2):
        accuse(reports, target, 3)
    accuse(reports, 3, 0, 1, 2)
    found = changed(cluster(4), reports)
    assert [number for number, one in found.osds.items() if not one.up] == [3]


def test_of_two_halves_only_one_goes() -> None:
    """Two zones of two do not reach each other: whoever goes first can't accuse any more."""
    reports = hearing(0, 1, 2, 3)
    for one, other in ((0, 2), (0, 3), (1, 2), (1, 3)):
        accuse(reports, one, other)
        accuse(reports, other, one)
    found = changed(cluster(4), reports)
    up = [number for number, one in found.osds.items() if one.up]
    assert len(up) >= 2


# -- beacons ---------------------------------------------------------------------------------------------------------


def test_one_without_beacons_is_down() -> None:
    reports = hearing(0, 2)
    reports.beacon(Beacon(1, "start1", 10, 1, 1), NOW - PATIENCE.beacon - 0.1)
    found = changed(cluster(), reports)
    assert not found.osds[1].up
    assert found.reason == "osd.1 down: no beacon for 5 s"


def test_all_may_be_dead() -> None:
    assert not any(one.up for one in changed(cluster(), hearing()).osds.values())


def test_a_monitor_that_has_just_begun_to_listen_says_nothing() -> None:
    reports = dataclasses.replace(hearing(0, 2), started=NOW - PATIENCE.beacon + 0.1)
    assert after(cluster(), reports) is None


def test_one_that_has_just_booted_has_time() -> None:
    before = cluster(o1={"since": WALL - 1.0})
    assert after(before, hearing(0, 2)) is None


def test_a_monitor_that_is_cut_off_says_nothing() -> None:
    reports = hearing(monitors=3)
    assert after(cluster(), reports) is None
    reports.heard("mon.b", Heard(()), NOW - 10)
    reports.heard("mon.a", Heard(()), NOW)
    assert after(cluster(), reports) is None
    reports.heard("mon.b", Heard(()), NOW)  # two of three hear nothing of anybody
    assert not any(one.up for one in changed(cluster(), reports).osds.values())


def test_what_another_monitor_hears_counts() -> None:
    reports = hearing(0, 2, monitors=3)
    reports.heard("mon.a", reports.to_tell(NOW), NOW)
    reports.heard("mon.b", Heard(((1, 1.0),)), NOW)
    assert after(cluster(), reports) is None
    assert not changed(cluster(), hearing(0, 2)).osds[1].up


# -- out -------------------------------------------------------------------------------------------------------------


def test_one_that_stays_down_is_out_after_a_while() -> None:
    since = WALL - PATIENCE.out
    before = cluster(4, o3={"up": False, "since": since})
    assert after(before, hearing(0, 1, 2), wall=WALL - 1) is None
    found = changed(before, hearing(0, 1, 2))
    assert (found.osds[3].placed, found.osds[3].auto_out) == (False, True)
    assert "osd.3 out" in found.reason


@pytest.mark.parametrize(
    ("count", "pools", "changes", "goes"),
    [
        (3, {1: Pool(name="p", size=3)}, {}, False),  # nowhere to go
        (3, {1: Pool(name="p", size=2)}, {}, True),
        (4, {1: Pool(name="p", size=2), 2: Pool(name="q", size=4)}, {}, False),
        (4, {1: Pool(name="p", size=3)}, {"o2": {"host": "host1"}}, False),  # two on one host
        (4, {1: Pool(name="p", size=3, failure_domain="osd")}, {"o2": {"host": "host1"}}, True),
        (4, {1: Pool(name="p", size=3)}, {"o2": {"placed": False}}, False),
        (4, {1: Pool(name="p", size=3)}, {"o2": {"weight": 0.0}}, False),
    ],
)
def test_data_needs_somewhere_to_go(count: int, pools: dict[int, Pool], changes: dict[str, Any], goes: bool) -> None:
    before = cluster(count, pools, **{"o0": {"up": False, "since": WALL - 3600}, **changes})
    found = after(before, hearing(*range(1, count)))
    assert (found is not None and not found.osds[0].placed) == goes


def test_not_all_at_once_go_out() -> None:
    down = {"up": False, "since": WALL - 3600}
    found = changed(cluster(5, o3=down, o4=down, o2=down), hearing(0, 1))
    assert sum(one.placed for one in found.osds.values()) == 3


# -- the rest --------------------------------------------------------------------------------------------------------


def test_up_thru() -> None:
    reports = hearing(0, 1, 2)
    reports.up_thru[1] = UpThru(1, "start1", 8)
    found = changed(cluster(), reports)
    assert found.osds[1].up_thru >= 8
    assert after(found, reports) is None
    for unfit in (UpThru(1, "another", 8), UpThru(1, "start1", 4), UpThru(9, "start9", 8)):
        reports.up_thru = {unfit.osd: unfit}
        assert after(cluster(), reports) is None
    reports.up_thru = {1: UpThru(1, "start1", 8)}
    assert after(cluster(o1={"up": False}), reports) is None


def test_fences_end() -> None:
    before = replace(cluster(), blocklist={"client.old": WALL - 1, "client.new": WALL + 1})
    assert changed(before, hearing(0, 1, 2)).blocklist == {"client.new": WALL + 1}


def pg_report(seed: int, clean: int) -> PgReport:
    return PgReport(PgId(1, seed), "active+clean", 1, NO_VERSION, 0, 0, 0, 0, 0.0, 0.0, 0, clean)


def test_maps_are_forgotten_when_all_has_been_clean_since() -> None:
    before = replace(cluster(), epoch=3000)
    reports = hearing(0, 1, 2)

    def primaries_say(*clean: int) -> None:
        for number in before.osds:
            mine = [seed for seed in range(len(clean)) if before.interval(PgId(1, seed)).primary == number]
            pgs = tuple(pg_report(seed, clean[seed]) for seed in mine)
            reports.beacon(Beacon(number, f"start{number}", 3000, 1, 1, pgs), NOW)

    primaries_say(2900)
    assert after(before, reports) is None  # of one group nothing is known
    primaries_say(2900, 1500)
    assert changed(before, reports).floor == 1500
    primaries_say(2990, 2995)
    assert changed(before, reports).floor == 3000 - KEPT_MAPS
    assert after(replace(before, floor=2400), reports) is None  # not for each map


def test_what_is_pending_goes_into_one_map() -> None:
    reports = hearing(0, 1)
    accuse(reports, 2, 0, 1)
    reports.boots[3] = (NOW, boot(3))
    reports.up_thru[0] = UpThru(0, "start0", 9)
    found = changed(cluster(), reports)
    assert (found.osds[2].up, found.osds[3].up, found.osds[0].up_thru) == (False, True, 10)
    assert found.reason.count(";") == 2


def test_a_map_is_never_changed() -> None:
    before = cluster()
    encoded = encode_map(before)
    reports = hearing(0, 1)
    accuse(reports, 2, 0, 1)
    reports.boots[3] = (NOW, boot(3))
    changed(before, reports)
    assert encode_map(before) == encoded

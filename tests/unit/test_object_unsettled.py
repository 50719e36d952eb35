"""What is looked at in a pass of replication."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "objects"))

from node.unsettled import Found, Unsettled, database_passes, databases, object_passes, objects

FIRST = {"1": frozenset({("1/a.db", 10, 4096)}), "2": frozenset({("2/b.db", 10, 4096)})}
CHANGED = FIRST | {"2": frozenset({("2/b.db", 11, 4096)})}
BOTH = frozenset("12")
Passes = Callable[["Replicator", Callable[[], float]], Callable[[], None]]


def turn(unsettled: Unsettled, found: Found, now: float, failures: int = 0, differences: int = 0) -> frozenset[str]:
    """One pass; which partitions were looked at."""
    due = unsettled.due(found, now)
    unsettled.passed(found, due, failures=failures, differences=differences)
    return due


def test_everything_is_looked_at_first_and_then_what_changed_or_one_of_all_in_turn() -> None:
    unsettled = Unsettled(thorough=60)
    assert turn(unsettled, FIRST, 0.0) == BOTH
    assert {turn(unsettled, FIRST, now) for now in (10.0, 20.0)} == {frozenset("1"), frozenset("2")}
    assert turn(unsettled, CHANGED, 30.0) == {"2"}
    assert len(turn(unsettled, CHANGED, 40.0)) == 1
    assert turn(unsettled, CHANGED | {"3": frozenset({("3/c.db", 1, 1)})}, 50.0) == {"3"}


def test_all_are_looked_at_now_and_then() -> None:
    unsettled = Unsettled(thorough=60)
    looked_at = [len(turn(unsettled, FIRST, now)) for now in (0.0, 59.0, 60.0, 119.0, 120.0)]
    assert looked_at == [2, 1, 2, 1, 2]


def test_what_had_to_be_sent_is_looked_at_again() -> None:
    unsettled = Unsettled(thorough=60)
    turn(unsettled, FIRST, 0.0)
    assert turn(unsettled, CHANGED, 10.0, differences=3) == {"2"}
    assert turn(unsettled, CHANGED, 20.0) == {"2"}
    assert turn(unsettled, CHANGED, 30.0) | turn(unsettled, CHANGED, 40.0) == BOTH


def test_a_copy_that_differs_though_nothing_changed_here_is_a_reason_to_look_at_everything() -> None:
    unsettled = Unsettled(thorough=60)
    turn(unsettled, FIRST, 0.0)
    assert len(turn(unsettled, FIRST, 10.0, differences=1)) == 1
    assert turn(unsettled, FIRST, 20.0) == BOTH
    assert len(turn(unsettled, FIRST, 30.0)) == 1


def test_what_could_not_be_pushed_is_tried_again_and_nothing_else_while_a_node_is_away() -> None:
    unsettled = Unsettled(thorough=60)
    turn(unsettled, FIRST, 0.0)
    away = [turn(unsettled, CHANGED, now, failures=2) for now in (50.0, 70.0)]
    back = [turn(unsettled, CHANGED, now) for now in (80.0, 90.0)]
    assert (away, back) == ([{"2"}, {"2"}], [{"2"}, BOTH])


def test_a_node_that_is_back_is_noticed_though_nothing_changed() -> None:
    unsettled = Unsettled(thorough=60)
    turn(unsettled, FIRST, 0.0)
    away = [turn(unsettled, FIRST, now, failures=2) for now in (60.0, 130.0)]
    back = [turn(unsettled, FIRST, now) for now in (140.0, 150.0)]
    assert [len(due) for due in away + back] == [2, 1, 1, 2]


def test_a_first_pass_that_fails_settles_nothing() -> None:
    unsettled = Unsettled(thorough=60)
    assert turn(unsettled, FIRST, 0.0, failures=1) == BOTH
    assert turn(unsettled, FIRST, 10.0) == BOTH


class Replicator:
    """Of Swift's the part that is used."""

    datadir = "containers"

    def __init__(self, root: Path) -> None:
        self.root = self.devices_dir = str(root)
        self.stats = {"failure": 0, "diff": 0, "rsync": 0, "remote_merge": 0}
        self.total_stats = SimpleNamespace(failure=0, suffix_sync=0)
        self.asked = list[tuple[str, str]]()

    def run_once(self, devices: str, partitions: str) -> None:
        self.asked.append((devices, partitions))


@pytest.mark.parametrize(
    ("passes", "files"),
    [
        (database_passes, "containers/{}/abc/hash/hash.db.pending"),
        (object_passes, "objects/{}/hashes.invalid"),
    ],
)
def test_files_tell_what_changed(tmp_path: Path, passes: Passes, files: str) -> None:
    places = [tmp_path / "d1" / files.format(partition) for partition in ("3", "12")]
    for place in places:
        place.parent.mkdir(parents=True)
        place.write_bytes(b"x")
    replicator, clock = Replicator(tmp_path), iter((0.0, 10.0, 20.0, 30.0))
    once = passes(replicator, lambda: next(clock))
    once()
    once()
    assert replicator.asked[0] == ("d1", "12,3")
    assert replicator.asked[1][1] in ("12", "3")
    places[1].write_bytes(b"a row that waits")
    once()
    assert replicator.asked[2:] == [("d1", "12")]
    os.utime(places[1], ns=(1, 1))
    once()
    assert replicator.asked[3:] == [("d1", "12")]


def test_a_copy_that_was_lost_is_noticed(tmp_path: Path) -> None:
    for partition in ("3", "12"):
        (tmp_path / "d1" / "objects" / partition).mkdir(parents=True)
        (tmp_path / "d1" / "objects" / partition / "hashes.pkl").write_bytes(b"x")
    replicator, clock = Replicator(tmp_path), iter((0.0, 10.0, 20.0))
    once = object_passes(replicator, lambda: next(clock))
    once()
    replicator.total_stats.suffix_sync = 7
    once()
    once()
    assert replicator.asked[2:] == [("d1", "12,3")]


def test_a_node_that_keeps_nothing_yet_has_nothing_to_look_at(tmp_path: Path) -> None:
    assert databases(tmp_path / "d1" / "containers") == objects(tmp_path / "d1" / "objects") == {}
    replicator = Replicator(tmp_path)
    database_passes(replicator, lambda: 0.0)()
    object_passes(replicator, lambda: 0.0)()
    assert replicator.asked == []

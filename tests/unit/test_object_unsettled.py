"""Which databases are looked at in a pass of replication."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "objects"))

from node.unsettled import Found, Unsettled, find, passes

FIRST = {"1": frozenset({("1/a.db", 10, 4096)}), "2": frozenset({("2/b.db", 10, 4096)})}
CHANGED = FIRST | {"2": frozenset({("2/b.db", 11, 4096)})}
BOTH, NONE = frozenset("12"), frozenset[str]()


def turn(unsettled: Unsettled, found: Found, now: float, failures: int = 0) -> frozenset[str]:
    """One pass; which partitions were looked at."""
    due = unsettled.due(found, now)
    unsettled.passed(found, due, failures)
    return due


def test_everything_is_looked_at_first_and_then_what_changed() -> None:
    unsettled = Unsettled(thorough=60)
    assert turn(unsettled, FIRST, 0.0) == BOTH
    assert turn(unsettled, FIRST, 10.0) == NONE
    assert turn(unsettled, CHANGED, 20.0) == {"2"}
    assert turn(unsettled, CHANGED, 30.0) == NONE
    assert turn(unsettled, CHANGED | {"3": frozenset({("3/c.db", 1, 1)})}, 40.0) == {"3"}


def test_all_are_looked_at_now_and_then() -> None:
    unsettled = Unsettled(thorough=60)
    looked_at = [turn(unsettled, FIRST, now) for now in (0.0, 59.0, 60.0, 119.0, 120.0)]
    assert looked_at == [BOTH, NONE, BOTH, NONE, BOTH]


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
    assert (away, back) == ([BOTH, {"1"}], [{"1"}, BOTH])


def test_a_first_pass_that_fails_settles_nothing() -> None:
    unsettled = Unsettled(thorough=60)
    assert turn(unsettled, FIRST, 0.0, failures=1) == BOTH
    assert turn(unsettled, FIRST, 10.0) == BOTH


class Replicator:
    """Of Swift's the part that is used."""

    datadir = "containers"

    def __init__(self, root: Path) -> None:
        self.root, self.stats, self.asked = str(root), {"failure": 0}, list[tuple[str, str]]()

    def run_once(self, devices: str, partitions: str) -> None:
        self.asked.append((devices, partitions))


def test_files_tell_what_changed(tmp_path: Path) -> None:
    for partition in ("3", "12"):
        (tmp_path / "d1" / "containers" / partition / "abc" / "hash").mkdir(parents=True)
        (tmp_path / "d1" / "containers" / partition / "abc" / "hash" / "hash.db").write_bytes(b"x")
    replicator, clock = Replicator(tmp_path), iter((0.0, 10.0, 20.0, 30.0))
    once = passes(replicator, lambda: next(clock))
    once()
    once()
    assert replicator.asked == [("d1", "12,3")]
    row = tmp_path / "d1" / "containers" / "12" / "abc" / "hash" / "hash.db.pending"
    row.write_bytes(b"a row that waits")
    once()
    assert replicator.asked[1:] == [("d1", "12")]
    os.utime(row, ns=(1, 1))
    once()
    assert replicator.asked[2:] == [("d1", "12")]


def test_a_node_that_keeps_nothing_yet_has_nothing_to_look_at(tmp_path: Path) -> None:
    assert find(tmp_path / "d1" / "containers") == {}
    replicator = Replicator(tmp_path)
    passes(replicator, lambda: 0.0)()
    assert replicator.asked == []

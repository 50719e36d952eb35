"""Commands that change the map: what they do, that they may be repeated, and what they refuse with which sentence."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from storage.cluster_map import ClusterMap, Osd, Pool
from storage.mon.commands import CHANGES, CommandRefused
from storage.mon.decisions import Draft
from storage.mon.queries import QUERIES, scrub_orders
from storage.mon.reports import Reports
from storage.names import PgId

WALL = 1_700_000_000.0


def osd(number: int, **changes: Any) -> Osd:
    usual = Osd(
        uuid=f"disk{number}", host=f"host{number}", zone="z", address="h:1", up=True, up_from=2, incarnation="x"
    )
    return replace(usual, **changes)


MAP = ClusterMap(
    fsid="f", epoch=10, osds={0: osd(0), 1: osd(1), 2: osd(2, up=False)}, pools={3: Pool(name="p", created=4)},
    blocklist={"client.bad": WALL + 10}, next_pool=4,
)  # fmt: skip


def ask(before: ClusterMap, command: str, **arguments: Any) -> tuple[ClusterMap | None, Any]:
    draft = Draft(before, WALL)
    result = CHANGES[command](draft, arguments)
    return draft.finish(), result


def change(before: ClusterMap, command: str, **arguments: Any) -> ClusterMap:
    after, _ = ask(before, command, **arguments)
    assert after is not None, "nothing has changed"
    assert after.epoch == before.epoch + 1
    again, _ = ask(after, command, **arguments)
    assert again is None, "the second time there is nothing left to do"
    return after


def test_pools_come_and_go_and_their_numbers_never_return() -> None:
    after = change(MAP, "pool create", pool="q", size=2, pg_num=16, failure_domain="zone")
    assert after.pools[4] == Pool(name="q", size=2, min_size=2, pg_num=16, failure_domain="zone", created=11)
    assert ask(after, "pool create", pool="q", size=2, pg_num=16, failure_domain="zone")[1] == 4
    gone, _ = ask(after, "pool delete", pool="q", confirm="q")
    assert gone is not None
    assert list(gone.pools) == [3]
    assert list(change(gone, "pool create", pool="r").pools) == [3, 5]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"pool": ""}, "name"),
        ({"pool": "a/b"}, "name"),
        ({"pool": "x" * 101}, "name"),
        ({}, "name"),
        ({"pool": "q", "size": 0}, "size"),
        ({"pool": "q", "size": 11}, "size"),
        ({"pool": "q", "size": "three"}, "size"),
        ({"pool": "q", "size": True}, "size"),
        ({"pool": "q", "size": 2.5}, "size"),
        ({"pool": "q", "size": 2, "min_size": 3}, "min_size"),
        ({"pool": "q", "min_size": 0}, "min_size"),
        ({"pool": "q", "pg_num": 0}, "pg_num"),
        ({"pool": "q", "pg_num": 1 << 20}, "pg_num"),
        ({"pool": "q", "failure_domain": "rack"}, "failure_domain"),
        ({"pool": "p", "size": 1}, "other settings"),
    ],
)
def test_pools_that_can_not_be(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(CommandRefused, match=sentence):
        ask(MAP, "pool create", **arguments)


def test_a_pool_is_deleted_only_by_whoever_means_it() -> None:
    for unfit in ({"pool": "p"}, {"pool": "p", "confirm": "q"}):
        with pytest.raises(CommandRefused, match="second time"):
            ask(MAP, "pool delete", **unfit)
    with pytest.raises(CommandRefused, match="pool ls"):
        ask(MAP, "pool delete", pool="q", confirm="q")


def test_sizes_of_a_pool() -> None:
    assert change(MAP, "pool set", pool="p", min_size=1).pools[3].min_size == 1
    smaller = change(MAP, "pool set", pool="p", size=1).pools[3]
    assert (smaller.size, smaller.min_size) == (1, 1)
    with pytest.raises(CommandRefused, match="min_size"):
        ask(MAP, "pool set", pool="p", min_size=4)


def test_out_and_in() -> None:
    out = change(MAP, "osd out", osd=1)
    assert (out.osds[1].placed, out.osds[1].auto_out) == (False, False)
    assert all(1 not in out.placed(PgId(3, seed)) for seed in range(32))
    assert change(out, "osd in", osd=1).osds[1].placed


def test_reweight_and_down() -> None:
    assert change(MAP, "osd reweight", osd=1, weight=0.5).osds[1].weight == 0.5
    for weight in (-1, "heavy", None, float("nan"), float("inf")):
        with pytest.raises(CommandRefused, match="weight"):
            ask(MAP, "osd reweight", osd=1, weight=weight)
    down = change(MAP, "osd down", osd=1).osds[1]
    assert (down.up, down.down_at, down.since) == (False, 11, WALL)


def test_purge() -> None:
    with pytest.raises(CommandRefused, match="stop it first"):
        ask(MAP, "osd purge", osd=1)
    after, _ = ask(MAP, "osd purge", osd=2)
    assert after is not None
    assert 2 not in after.osds


@pytest.mark.parametrize("command", [name for name in CHANGES if name.startswith("osd ")])
@pytest.mark.parametrize("number", [9, -1, "1", None, 1.5])
def test_osds_that_are_not_there(command: str, number: object) -> None:
    with pytest.raises(CommandRefused, match="osd"):
        ask(MAP, command, osd=number, weight=1)


def test_fences() -> None:
    fenced = change(MAP, "blocklist add", client="client.worse")
    assert fenced.blocklist == {"client.bad": WALL + 10, "client.worse": WALL + 86400}
    assert not change(MAP, "blocklist rm", client="client.bad").blocklist
    with pytest.raises(CommandRefused, match="client"):
        ask(MAP, "blocklist add", client="osd.1")


def test_scrub_orders_go_to_primaries() -> None:
    orders = scrub_orders(MAP, {"pg": "all"})
    assert len(orders) == 32
    assert all(MAP.interval(pg).primary == primary for pg, primary in orders)
    assert scrub_orders(MAP, {"pg": "3.1f"}) == [(PgId(3, 31), MAP.interval(PgId(3, 31)).primary)]
    for unknown in ("3.20", "9.1", "x", "", "3.-1"):
        with pytest.raises(CommandRefused, match="pg ls"):
            scrub_orders(MAP, {"pg": unknown})


def test_queries_answer_before_anything_is_known() -> None:
    for before in (ClusterMap(fsid="f", epoch=1), MAP):
        for query in QUERIES.values():
            query(before, Reports(0.0))

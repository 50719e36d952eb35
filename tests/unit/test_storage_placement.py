"""Placement: as many failure domains as replicas, shares as weights say, and no more moved than must be."""

from __future__ import annotations

from collections import Counter

import pytest
from msgspec.structs import replace

from storage.cluster_map import ClusterMap, Osd, Pool, decode_map, encode_map
from storage.names import PgId

PGS = 4096


def cluster(hosts: int, *, zones: int = 1, pool: Pool | None = None) -> ClusterMap:
    osds = {
        number: Osd(uuid=str(number), host=f"host{number}", zone=f"zone{number % zones}", address="", up=True)
        for number in range(hosts)
    }
    return ClusterMap(fsid="f", epoch=1, osds=osds, pools={1: pool or Pool(name="p", pg_num=PGS)})


def copies(one: ClusterMap) -> Counter[int]:
    return Counter(number for pg in one.pgs() for number in one.placed(pg))


def moved(before: ClusterMap, after: ClusterMap) -> float:
    """The share of all replicas that must be copied to where they were not before."""
    new = sum(len(set(after.placed(pg)) - set(before.placed(pg))) for pg in before.pgs())
    return new / (PGS * 3)


def test_replicas_are_in_different_failure_domains() -> None:
    one = cluster(9, zones=3, pool=Pool(name="p", pg_num=200, failure_domain="zone"))
    for pg in one.pgs():
        assert len({one.osds[number].zone for number in one.placed(pg)}) == 3


@pytest.mark.parametrize("hosts", [3, 5, 10, 20])
def test_adding_an_osd_moves_hardly_more_than_its_share(hosts: int) -> None:
    share = moved(cluster(hosts), cluster(hosts + 1))
    ideal = 1 / (hosts + 1)
    assert ideal * 0.8 < share < ideal * 1.25


def test_taking_one_out_moves_only_what_it_held() -> None:
    before = cluster(6)
    after = replace(before, osds={**before.osds, 2: replace(before.osds[2], placed=False)})
    for pg in before.pgs():
        stayed = set(before.placed(pg)) - {2}
        assert stayed <= set(after.placed(pg))
        assert 2 not in after.placed(pg)


def test_weights_are_shares() -> None:
    before = cluster(8)
    heavy = replace(before, osds={**before.osds, 0: replace(before.osds[0], weight=2.0)})
    ratio = copies(heavy)[0] / (sum(copies(heavy).values()) / 9)
    assert 1.6 < ratio < 2.1  # a little less than two: no host holds a group twice


def test_down_osds_do_not_act_and_the_next_is_primary() -> None:
    before = cluster(3)
    pg = PgId(1, 0)
    first = before.placed(pg)[0]
    after = replace(before, osds={**before.osds, first: replace(before.osds[first], up=False)})
    assert after.placed(pg) == before.placed(pg)
    assert after.interval(pg).acting == before.placed(pg)[1:]


def test_a_map_travels_whole() -> None:
    one = cluster(3)
    again = decode_map(encode_map(one))
    assert again == one
    assert [again.placed(pg) for pg in again.pgs()] == [one.placed(pg) for pg in one.pgs()]

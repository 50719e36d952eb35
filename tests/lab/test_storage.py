"""Breaks the block store under load: gaps are short, and no acknowledged write is lost or seen late."""

import time

import openstack
import pytest

from lab import faults
from lab.topology import parts_with_role
from storage.client.open import open_block_store
from storage.errors import Unavailable
from tests.lab.blocks import BlockLoad
from tests.lab.record import keeps
from tests.lab.short_form import each, long
from tests.lab.storage_trial import FAULTS, run_storage_trial, store_url


@each(FAULTS)
def test_blocks_stay_linearizable_and_gaps_short(region, fault, run, records):
    record = run_storage_trial(region, fault, run)
    records.append(record)
    assert (record.ruling, record.problems, record.lost) == ("valid", (), 0)
    keeps(record, region.slow)


@long
def test_without_a_majority_of_monitors_the_map_stays_and_says_so(region):
    load = BlockLoad(store_url(region), "majority")
    load.start()
    try:
        for part in parts_with_role("mon")[:2]:
            faults.kill(region.engine, part)
        with pytest.raises(Unavailable, match=r"no majority|no monitor"):
            load.command("pool create", pool="never")
        assert load.gap_within(2.0) < 1.0 * region.slow
    finally:
        region.heal()
        region.wait_redundant(120)
        assert load.stop().ruling == "valid"


def test_volumes_that_were_begun_are_finished_when_a_replica_dies(region):
    """Ten creations, and one of the two replicas killed at once: all become available, nothing is left over."""
    cloud = openstack.connect(cloud="quorate")
    store = open_block_store(store_url(region))
    volumes = []
    try:
        for number in range(10):
            volumes.append(cloud.block_storage.create_volume(size=1, name=f"begun-{number}"))
            if number == 4:
                faults.kill(region.engine, parts_with_role("volume")[0])
        deadline = time.monotonic() + 60 * region.slow
        while {cloud.block_storage.get_volume(one.id).status for one in volumes} != {"available"}:
            assert time.monotonic() < deadline, [cloud.block_storage.get_volume(one.id).status for one in volumes]
            time.sleep(0.2)
        assert {f"volume-{one.id}" for one in volumes} <= set(store.list())
        for one in volumes:
            cloud.block_storage.delete_volume(one.id)
        while any(name == f"volume-{one.id}" for one in volumes for name in store.list()):
            assert time.monotonic() < deadline, store.list()
            time.sleep(0.2)
    finally:
        store.close()
        region.heal()
        region.wait_redundant(120)

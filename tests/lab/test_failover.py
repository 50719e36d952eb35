"""Breaks every part of a region in turn, under load: nobody waits longer than promised, and nothing is lost."""

import pytest

from tests.lab.record import Record, keeps
from tests.lab.region import Region
from tests.lab.short_form import each
from tests.lab.strikes import BALANCERS, BROKERS, BUILDERS, DATABASES, EVERYTHING, PROXIES, REPLICAS
from tests.lab.trial import Fault, run_trial


def hold(region: Region, fault: Fault, run: int, records: list[Record]) -> None:
    record = run_trial(region, fault, run)
    records.append(record)
    assert (record.ruling, record.problems, record.lost) == ("valid", (), 0)
    keeps(record, region.slow)


@each(REPLICAS)
def test_no_safe_request_fails_when_a_replica_dies(region, fault, run, records):
    hold(region, fault, run, records)


@each(BALANCERS)
def test_the_address_moves_in_time(region, fault, run, records):
    hold(region, fault, run, records)


@each(DATABASES)
def test_writes_go_on_in_time_and_none_is_lost(region, fault, run, records):
    hold(region, fault, run, records)


@each(PROXIES)
def test_writes_go_on_through_the_other_proxy(region, fault, run, records):
    if region.database_proxy != "proxysql":
        pytest.skip("this region has HAProxy in ProxySQL's place")
    hold(region, fault, run, records)


@each(BROKERS)
def test_builds_and_actions_survive_the_queue_leader(region, fault, run, records):
    hold(region, fault, run, records)


@each(BUILDERS)
def test_thirty_builds_end_without_help(region, fault, run, records):
    hold(region, fault, run, records)


@each(EVERYTHING)
def test_nothing_is_lost_when_much_dies_at_once(region, fault, run, records):
    hold(region, fault, run, records)

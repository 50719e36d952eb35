"""Filters, weighing and the invariant of placement: no host is ever given more than it has."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.compute.hosts import AggregateView, HostView, Resources
from services.compute.scheduler.extra_specs import matches
from services.compute.scheduler.filters import Wanted, apply_filters
from services.compute.scheduler.placement import NoValidHost, Placed, place

SMALL = Resources(1, 512, 1)


def host(name: str, *aggregates: Mapping[str, str], **changes: object) -> HostView:
    views = tuple(AggregateView(f"agg{number}", metadata) for number, metadata in enumerate(aggregates))
    plain = HostView(host=name, up=True, enabled=True, capacity=Resources(8, 4096, 100), aggregates=views)
    return replace(plain, **changes)  # type: ignore[arg-type]


def passing(hosts: list[HostView], **wanted: object) -> list[str]:
    asked = Wanted(**({"resources": SMALL, "project_id": "p"} | wanted))  # type: ignore[arg-type]
    return [h.host for h in apply_filters(hosts, asked).hosts]


def test_hosts_outside_any_zone_are_in_the_default_one() -> None:
    hosts = [host("a", {"availability_zone": "east"}), host("b"), host("c", {"ssd": "true"})]
    assert [h.zone for h in hosts] == ["east", "nova", "nova"]
    assert passing(hosts, zone="east") == ["a"]
    assert passing(hosts, zone="nova") == ["b", "c"]
    assert passing(hosts) == ["a", "b", "c"]


def test_down_and_disabled_hosts_take_nothing() -> None:
    assert passing([host("a", up=False), host("b", enabled=False), host("c")]) == ["c"]


@pytest.mark.parametrize(
    ("specs", "expected"),
    [
        ({"ssd": "true"}, ["fast"]),
        ({"aggregate_instance_extra_specs:ssd": "true"}, ["fast"]),
        ({"ssd": "false"}, []),
        ({"hw:cpu_policy": "dedicated"}, ["fast", "slow", "plain"]),
        ({"ssd": "true", "gpu": "a100"}, []),
        ({"speed": ">= 5"}, ["fast"]),
        ({"speed": "<or> 1 <or> 9"}, ["fast", "slow"]),
    ],
)
def test_flavors_are_matched_to_aggregates(specs: dict[str, str], expected: list[str]) -> None:
    hosts = [host("fast", {"ssd": "true"}, {"speed": "9"}), host("slow", {"speed": "1"}), host("plain")]
    assert passing(hosts, extra_specs=specs) == expected


def test_an_aggregate_of_tenants_takes_only_theirs() -> None:
    hosts = [host("ours", {"filter_tenant_id": "p, q"}), host("theirs", {"filter_tenant_id": "x"}), host("all")]
    assert passing(hosts, project_id="p") == ["ours", "all"]


def test_the_explanation_says_which_filter_removed_how_many() -> None:
    hosts = [host("a", up=False), host("b"), host("c", used=Resources(0, 4000, 0))]
    found = apply_filters(hosts, Wanted(Resources(1, 512, 1), "p", zone="west"))
    assert found.explanation() == (
        "No valid host was found. 3 hosts were considered: ComputeFilter removed 1, AvailabilityZoneFilter removed 2."
    )
    nobody = apply_filters([], Wanted(SMALL, "p"))
    assert nobody.explanation() == "No valid host was found. There is no compute host."


@pytest.mark.parametrize(
    ("value", "spec", "expected"),
    [
        ("12", "= 10", True), ("12", "== 12", True), ("12", "<= 10", False), ("x", ">= 1", False),
        ("abc", "<in> b", True), ("abc", "<all-in> a c", True), ("abc", "<all-in> a d", False),
        ("b", "s> a", True), ("a", "s!= a", False), ("a,b", "b", True), ("", "", True), ("=", "=", True),
    ],
)  # fmt: skip
def test_the_language_of_extra_specs(value: str, spec: str, expected: bool) -> None:
    assert matches(value, spec) is expected


def test_a_batch_is_spread() -> None:
    decided = place([host("a"), host("b"), host("c")], {str(n): Wanted(SMALL, "p") for n in range(6)})
    assert Counter(d.host for d in decided.values() if isinstance(d, Placed)) == {"a": 2, "b": 2, "c": 2}


amounts = st.builds(Resources, st.integers(1, 6), st.integers(64, 4096), st.integers(0, 60))


@given(st.lists(amounts, max_size=40), st.integers(0, 4))
def test_no_host_is_ever_overcommitted(batch: list[Resources], count: int) -> None:
    hosts = [host(f"h{n}") for n in range(count)]
    decided = place(hosts, {str(n): Wanted(amount, "p") for n, amount in enumerate(batch)})
    for view in hosts:
        taken = Resources(0, 0, 0)
        for n, amount in enumerate(batch):
            if decided[str(n)] == Placed(view.host):
                taken = taken + amount
        assert taken.vcpus <= view.capacity.vcpus
        assert taken.memory_mb <= view.capacity.memory_mb
        assert taken.disk_gb <= view.capacity.disk_gb
    refused = [n for n in decided if isinstance(decided[n], NoValidHost)]
    if not count:
        assert len(refused) == len(batch)

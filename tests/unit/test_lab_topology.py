"""Two labs never meet: names, networks and ports follow from the lab's name and step aside for others."""

from ipaddress import IPv4Network
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.errors import BadNameError, LabError
from lab.places import (
    DEFAULT_REGIONS,
    PORT_SLOTS,
    block,
    free_port_base,
    free_subnet,
    is_aligned,
    lab_name,
    subnet_of,
    wanted_regions,
)
from lab.topology import OUTSIDE, PARTS, SITES, TWO, Topology, all_parts

TOPOLOGY = Topology("quorate-abc123", "10.123.45", 24680)
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,38}[a-z0-9]", fullmatch=True)


def test_the_name_follows_from_the_path():
    first, second = (lab_name({}, Path(path)) for path in ("/home/a/quorate", "/home/b/quorate"))
    assert first != second
    assert first == lab_name({"QUORATE_LAB": ""}, Path("/home/a/quorate"))
    assert lab_name({"QUORATE_LAB": "course-7"}, Path("/x")) == "course-7"


@pytest.mark.parametrize("name", ["A", "x", "-lab", "lab-", "my_lab", "a" * 41, "lab one", "1lab"])
def test_a_bad_name_is_refused(name):
    with pytest.raises(BadNameError, match="lower-case"):
        lab_name({"QUORATE_LAB": name}, Path("/x"))


@pytest.mark.slow
@settings(deadline=None)
@given(NAMES)
def test_places_are_in_range_and_stable(name):
    subnet = free_subnet(name, [])
    assert IPv4Network(f"{subnet}.0/24").subnet_of(IPv4Network("10.0.0.0/8"))
    assert is_aligned(subnet)
    assert 100 <= int(subnet.split(".")[1]) <= 199
    base = free_port_base(name, lambda port: True)
    assert base in PORT_SLOTS
    assert (subnet, base) == (free_subnet(name, []), free_port_base(name, lambda port: True))


@settings(deadline=None)
@given(NAMES)
def test_a_taken_network_is_stepped_over(name):
    wanted = block(free_subnet(name, []))
    *_, last = wanted.subnets(new_prefix=24)
    for taken in (wanted, last, wanted.supernet(new_prefix=16)):
        assert not block(free_subnet(name, [taken])).overlaps(taken)


def test_a_taken_port_moves_all():
    base = free_port_base("lab", lambda port: True)
    moved = free_port_base("lab", lambda port: port != base + 3)
    assert moved != base
    assert moved in PORT_SLOTS


def test_no_place_at_all_is_said():
    with pytest.raises(LabError, match="No free network"):
        free_subnet("lab", [IPv4Network("10.0.0.0/8")])


@pytest.mark.parametrize("site", SITES)
def test_a_lab_begins_where_its_networks_still_are(site):
    begun = Topology("lab", "10.120.8", 20000, regions=2)
    assert subnet_of({site: f"{begun.at(site).subnet}.0/24"}) == begun.subnet


def test_without_networks_nothing_says_where_a_lab_began():
    assert subnet_of({}) is None
    with pytest.raises(LabError, match="No free ports"):
        free_port_base("lab", lambda port: False)


def test_parts_have_their_own_addresses_and_short_names():
    addresses = [TOPOLOGY.address(part) for part in PARTS]
    assert len(set(addresses)) == len(addresses)
    assert TOPOLOGY.vip == "10.123.45.10"
    assert TOPOLOGY.vip not in addresses
    longest = Topology("a" * 40, "10.1.1", 20000)
    assert max(len(longest.container(part.name)) for part in PARTS) <= 63


def test_names_of_containers_and_urls():
    assert TOPOLOGY.container("db1") == "quorate-abc123-one-db1"
    assert list(TOPOLOGY.ports.values()) == [24680, 24681, 24682, 24683, 24684]
    assert TOPOLOGY.compute_url == "http://127.0.0.1:24682"
    assert TOPOLOGY.monitors == ["10.123.45.111:6789", "10.123.45.112:6789", "10.123.45.113:6789"]


def test_the_second_region_and_the_third_site_stand_beside_the_first():
    first = Topology("course-7", "10.123.44", 24680, regions=2)
    second, outside = first.at(TWO), first.at(OUTSIDE)
    assert (first.region, second.region) == ("region-one", "region-two")
    assert (second.subnet, outside.subnet, first.anycast) == ("10.123.45", "10.123.46", "10.123.47.1")
    assert second.at(OUTSIDE) == outside
    assert second.anycast == first.anycast
    assert block(first.subnet).supernet_of(IPv4Network(f"{outside.subnet}.0/24"))
    assert not set(first.ports.values()) & set(second.ports.values())
    assert max(second.ports.values()) < first.port_base + 10
    assert second.container("db1") == "course-7-two-db1"


def test_parts_of_two_regions_have_their_own_labels_and_addresses():
    first = Topology("course-7", "10.123.44", 24680, regions=2)
    parts = all_parts(2)
    assert len({part.label for part in parts}) == len(parts)
    assert len({first.at(part.site).address(part) for part in parts}) == len(parts)
    assert {part.site for part in all_parts(1)} == {"one"}
    assert {"sdb1", "two/sdb1", "dns", "two/dns", "arbitrator"} <= {part.label for part in parts}
    assert not {"sdb1", "dns"} & {part.name for part in all_parts(1)}


def test_the_number_of_regions_stays():
    assert wanted_regions({}, None) == DEFAULT_REGIONS
    assert wanted_regions({"REGIONS": "1"}, None) == 1
    assert wanted_regions({}, 1) == wanted_regions({"REGIONS": "1"}, 1) == 1
    with pytest.raises(LabError, match="quorate down"):
        wanted_regions({"REGIONS": "2"}, 1)
    with pytest.raises(BadNameError, match="1 region or 2"):
        wanted_regions({"REGIONS": "3"}, None)

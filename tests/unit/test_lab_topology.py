"""Two labs never meet: names, networks and ports follow from the lab's name and step aside for others."""

from ipaddress import IPv4Network
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.errors import BadNameError, LabError
from lab.topology import PARTS, PORT_SLOTS, Topology, free_port_base, free_subnet, lab_name

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


@settings(deadline=None)
@given(NAMES)
def test_places_are_in_range_and_stable(name):
    subnet = free_subnet(name, [])
    assert IPv4Network(f"{subnet}.0/24").subnet_of(IPv4Network("10.0.0.0/8"))
    assert 100 <= int(subnet.split(".")[1]) <= 199
    base = free_port_base(name, lambda port: True)
    assert base in PORT_SLOTS
    assert (subnet, base) == (free_subnet(name, []), free_port_base(name, lambda port: True))


@settings(deadline=None)
@given(NAMES)
def test_a_taken_network_is_stepped_over(name):
    wanted = IPv4Network(f"{free_subnet(name, [])}.0/24")
    wider = wanted.supernet(new_prefix=16)
    for taken in (wanted, wider):
        found = IPv4Network(f"{free_subnet(name, [taken])}.0/24")
        assert not found.overlaps(taken)


def test_a_taken_port_moves_all():
    base = free_port_base("lab", lambda port: True)
    moved = free_port_base("lab", lambda port: port != base + 3)
    assert moved != base
    assert moved in PORT_SLOTS


def test_no_place_at_all_is_said():
    with pytest.raises(LabError, match="No free network"):
        free_subnet("lab", [IPv4Network("10.0.0.0/8")])
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
    ports = {"PORT_IDENTITY": 24680, "PORT_IMAGE": 24681, "PORT_COMPUTE": 24682, "PORT_VOLUME": 24683}
    assert ports | {"PORT_OBJECT": 24684} == TOPOLOGY.ports
    assert TOPOLOGY.compute_url == "http://127.0.0.1:24682"
    assert TOPOLOGY.monitors == ["10.123.45.111:6789", "10.123.45.112:6789", "10.123.45.113:6789"]

"""The router between the sites: what a document asks for, what the kernel is told, how packets wait."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "wan"))

from router import links, network, rules
from router.lanes import ROOM, Lane, Lanes
from router.links import Link

SUBNETS = {"one": "10.8.0", "two": "10.8.1", "outside": "10.8.2"}
ANYCAST = "10.8.3.1"
LEGS = {site: rules.Leg(site, f"eth{n}", subnet) for n, (site, subnet) in enumerate(SUBNETS.items())}
SLOW = {"one-two": {"delay_ms": 80, "loss": 5}}


def packet(source: str, target: str) -> bytes:
    def address(text: str) -> bytes:
        return bytes(int(part) for part in text.split("."))

    return bytes(12) + address(source) + address(target)


def test_a_pair_means_both_ways_and_an_arrow_one() -> None:
    both, one_way = links.parse(SLOW), links.parse({"one>two": {"delay_ms": 80}})
    assert both["one", "two"] == both["two", "one"] == Link(80, 0.05)
    assert one_way["one", "two"] == Link(80)
    assert one_way["two", "one"] == links.NO_FAULT


def test_a_site_means_everything_from_and_to_it() -> None:
    cut = {direction for direction, link in links.parse({"one": {"cut": True}}).items() if link.cut}
    assert cut == {direction for direction in links.DIRECTIONS if "one" in direction}


def test_the_worse_of_two_wishes_for_a_link_counts() -> None:
    asked = links.parse({"one": {"delay_ms": 10, "loss": 9}, "one-two": {"delay_ms": 80}})
    assert asked["one", "two"] == Link(80, 0.09)
    assert asked["one", "outside"] == Link(10, 0.09)


def test_what_is_not_named_is_healthy() -> None:
    assert links.parse({}) == links.HEALTHY


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"one-three": {}},
        {"one-one": {}},
        {"three": {}},
        {"one-two": 80},
        {"one-two": {"rate": 1}},
        {"one-two": {"delay_ms": -1}},
        {"one-two": {"delay_ms": "80"}},
        {"one-two": {"loss": 101}},
        {"one-two": {"loss": True}},
        {"one-two": {"cut": 1}},
    ],
)
def test_nonsense_is_refused(document: object) -> None:
    with pytest.raises(links.RefusedError):
        links.parse(document)


@pytest.mark.parametrize("document", [{}, SLOW, {"one>two": {"cut": True}}, {"one": {"loss": 12.5}}])
def test_what_is_in_force_is_written_as_a_document_that_asks_for_it(document: object) -> None:
    asked = links.parse(document)
    assert links.parse(links.document(asked)) == asked


def test_only_the_labs_networks_reach_each_other() -> None:
    table = rules.firewall(LEGS, ANYCAST, links.HEALTHY)
    assert ":FORWARD DROP" in table
    accepted = [line for line in table.splitlines() if line.endswith("ACCEPT") and line.startswith("-A")]
    assert [line.split()[3] for line in accepted] == ["10.8.0.0/24", "10.8.1.0/24", "10.8.2.0/24", "10.8.3.1/32"]
    assert all(line.startswith("-A LAB -d ") for line in accepted)


def test_a_cut_drops_before_anything_is_accepted() -> None:
    lines = rules.firewall(LEGS, ANYCAST, links.parse({"one-two": {"cut": True}})).splitlines()
    drops = ["-A FORWARD -i eth0 -o eth1 -j DROP", "-A FORWARD -i eth1 -o eth0 -j DROP"]
    first_accept = next(n for n, line in enumerate(lines) if line.endswith("-j LAB"))
    assert all(lines.index(drop) < first_accept for drop in drops)
    assert not any("INPUT -i" in line for line in lines)


def test_the_routers_own_sessions_share_the_link_to_the_third_site() -> None:
    table = rules.firewall(LEGS, ANYCAST, links.parse({"one-outside": {"cut": True}, "two-outside": {"loss": 5}}))
    assert "-A INPUT -i eth0 -j DROP" in table
    assert "-A INPUT -i eth1 -m statistic --mode random --probability 0.050000 -j DROP" in table


def test_delayed_packets_go_through_the_tun_device_and_no_others() -> None:
    policy = rules.policy(LEGS, ANYCAST, links.parse({"one-outside": {"delay_ms": 20}, "one-two": {"loss": 5}}))
    assert policy == {
        "iif eth0 to 10.8.2.0/24 lookup 100",
        "iif eth2 to 10.8.0.0/24 lookup 100",
        f"iif eth2 to {ANYCAST} lookup 100",
    }
    assert rules.policy(LEGS, ANYCAST, links.HEALTHY) == set()


def test_policy_changes_are_differences() -> None:
    assert rules.policy_changes({"a", "b"}, {"b", "c"}) == "rule del a priority 100\nrule add c priority 100\n"
    assert rules.policy_changes({"a"}, {"a"}) == ""


def delay_changes(present: object, wanted: object) -> list[str]:
    now = rules.delays(links.parse(present))
    return rules.delay_changes(LEGS, now, rules.delays(links.parse(wanted))).splitlines()


def test_netem_delays_by_where_packets_come_from() -> None:
    bands, delay = delay_changes({}, {"one>two": {"delay_ms": 80}})
    assert bands == f"qdisc replace dev eth1 root handle 1: prio bands 4 priomap{' 3' * 16}"
    assert delay == "qdisc replace dev eth1 parent 1:1 netem delay 80ms limit 20000"
    assert "-A FORWARD -i eth0 -j CLASSIFY --set-class 1:1" in rules.classes(LEGS)
    assert delay_changes({}, {}) == []


def test_a_delay_that_stays_is_left_alone() -> None:
    slow = {"one-two": {"delay_ms": 80}}
    assert delay_changes(slow, slow) == []
    assert delay_changes(slow, {"one-two": {"delay_ms": 80, "loss": 5}}) == []
    assert delay_changes(slow, {"one>two": {"delay_ms": 80}, "two>one": {"delay_ms": 20}}) == [
        "qdisc replace dev eth0 parent 1:2 netem delay 20ms limit 20000"
    ]


def test_what_is_under_way_when_a_delay_ends_still_arrives() -> None:
    changes = delay_changes({"one>two": {"delay_ms": 80}}, {})
    assert changes == ["qdisc replace dev eth1 parent 1:1 netem delay 0ms limit 20000"]


def test_a_packet_waits_for_the_delay_of_its_direction() -> None:
    lanes = Lanes(SUBNETS, ANYCAST, dice=lambda: 0.5)
    lanes.set(links.parse({"one>two": {"delay_ms": 80}}))
    there, back = packet("10.8.0.51", "10.8.1.51"), packet("10.8.1.51", "10.8.0.51")
    lanes.take(there, 100.0)
    lanes.take(back, 100.0)
    assert list(lanes.due(100.0)) == [back]
    assert lanes.next_arrival() == pytest.approx(100.08)
    assert list(lanes.due(100.079)) == []
    assert list(lanes.due(100.081)) == [there]
    assert lanes.lanes["one", "two"].counts() == {"passed": 1, "lost": 0, "mean_ms": 81.0, "longest_ms": 81.0}


def test_the_anycast_address_is_in_the_site_that_announces_it() -> None:
    lanes = Lanes(SUBNETS, ANYCAST, dice=lambda: 0.5)
    lanes.set(links.parse({"one-outside": {"delay_ms": 50}}))
    request = packet("10.8.2.8", ANYCAST)
    lanes.take(request, 0.0)
    assert lanes.next_arrival() is None  # nobody announces it: dropped
    lanes.move_anycast("one")
    lanes.take(request, 0.0)
    assert lanes.next_arrival() == pytest.approx(0.05)
    lanes.move_anycast("two")
    lanes.take(request, 0.0)
    assert list(lanes.due(0.0)) == [request]


def test_packets_are_lost_by_the_dice_by_a_cut_and_for_lack_of_room() -> None:
    lossy, severed, full = Lane(Link(loss=0.05)), Lane(Link(cut=True)), Lane(Link(delay_ms=10))
    for dice in (0.0, 0.049, 0.05, 0.9):
        lossy.take(b"", 0.0, dice)
    severed.take(b"", 0.0, 0.9)
    for _ in range(ROOM + 1):
        full.take(b"", 0.0, 0.9)
    assert [lossy.lost, severed.lost, full.lost] == [2, 1, 1]
    assert len(list(lossy.due(0.0))) == 2


def test_where_the_anycast_address_leads() -> None:
    table = (
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
        "eth0\t0000080A\t00000000\t0001\t0\t0\t0\t00FFFFFF\n"
        "eth0\t0103080A\t0B00080A\t0007\t0\t0\t32\tFFFFFFFF\n"
    )
    assert network.anycast_gateway(table, ANYCAST) == "10.8.0.11"
    assert network.anycast_gateway(table.splitlines()[0], ANYCAST) is None


def test_an_announcement_names_the_address_twice() -> None:
    frame = network.gratuitous_arp(bytes.fromhex("0242ac110002"), "10.8.0.2")
    assert len(frame) == 42
    assert frame[:6] == b"\xff" * 6
    assert frame[28:32] == frame[38:42] == bytes([10, 8, 0, 2])

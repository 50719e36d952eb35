"""The load balancer's companion: the choice of the writer, stale sessions, moved addresses."""

from __future__ import annotations

import socket
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "lb"))

from balancer import neighbour, owner, runtime
from balancer.rejoin import Rejoin
from balancer.writer import SILENCE, Report, ask_around, choose_shared, choose_writer, parse_report

EVERYONE = frozenset({1, 2, 3})


def report(ordinal: int, since: int, phase: str = "up", members: frozenset[int] = EVERYONE) -> Report:
    return Report(ordinal, phase, since, members)


def test_the_longest_in_step_is_the_writer() -> None:
    reports = {"db1": report(1, 5), "db2": report(2, 3), "db3": report(3, 9)}
    assert choose_writer(None, reports, ordinal=0, silent_for=0) == "db2"


def test_the_highest_ordinal_among_equals() -> None:
    reports = {f"db{each}": report(each, 1) for each in (1, 2, 3)}
    assert choose_writer(None, reports, ordinal=0, silent_for=0) == "db3"


def test_a_node_that_comes_back_takes_nothing_over() -> None:
    reports = {"db1": report(1, 1), "db2": report(2, 1), "db3": report(3, 4)}
    assert choose_writer("db2", reports, ordinal=2, silent_for=0) == "db2"


def test_a_slow_writer_keeps_its_role_while_the_cluster_counts_on_it() -> None:
    reports = {"db1": report(1, 1), "db2": report(2, 1), "db3": None}
    assert choose_writer("db3", reports, ordinal=3, silent_for=0.2) == "db3"
    assert choose_writer("db3", reports, ordinal=3, silent_for=SILENCE) == "db2"


def test_an_expelled_writer_is_replaced_at_once() -> None:
    left = frozenset({1, 2})
    reports = {"db1": report(1, 1, members=left), "db2": report(2, 1, members=left), "db3": None}
    assert choose_writer("db3", reports, ordinal=3, silent_for=0.2) == "db2"


def test_a_writer_that_says_goodbye_is_replaced_at_once() -> None:
    reports = {"db1": report(1, 1), "db2": report(2, 1), "db3": Report.unfit(3)}
    assert choose_writer("db3", reports, ordinal=3, silent_for=0) == "db2"


def test_with_nobody_usable_nothing_changes() -> None:
    reports = {"db1": None, "db2": report(2, 1, "lost"), "db3": None}
    assert choose_writer("db1", reports, ordinal=1, silent_for=9) == "db1"
    assert choose_writer(None, reports, ordinal=0, silent_for=9) is None


def test_a_donor_still_serves() -> None:
    reports = {"db1": report(1, 1, "donor"), "db2": report(2, 3), "db3": report(3, 5, "join")}
    assert choose_writer("db1", reports, ordinal=1, silent_for=0) == "db1"


HERE = frozenset({"sdb3", "sdb4"})


def shared(current: str | None = None, **phases: str | None) -> str | None:
    """The choice in region two, given each node's phase and view, e.g. `up5`; None stands for a silent node."""
    reports = {
        name: report(int(name[3:]), int(said.strip("abcdefghijklmnopqrstuvwxyz")), said.rstrip("0123456789"))
        if said
        else None
        for name, said in phases.items()
    }
    return choose_shared(current, reports, HERE)


def test_a_region_uses_its_own_nodes_of_the_shared_cluster() -> None:
    assert shared(sdb1="up1", sdb2="up1", sdb3="up7", sdb4="up9") == "sdb3"
    assert shared(sdb1="up1", sdb2="up1", sdb3="up7", sdb4="donor7") == "sdb4"
    assert shared("sdb3", sdb1="up1", sdb2="up1", sdb3=None, sdb4="up9") == "sdb4"
    assert shared("sdb4", sdb1="up1", sdb2="up1", sdb3="lost0", sdb4="up9") == "sdb4"


def test_without_a_usable_node_of_its_own_it_uses_the_other_regions() -> None:
    assert shared("sdb3", sdb1="up3", sdb2="up1", sdb3="lost1", sdb4=None) == "sdb2"
    assert shared("sdb3", sdb1="up3", sdb2=None, sdb3="join0", sdb4="start0") == "sdb1"
    assert shared("sdb1", sdb1="up3", sdb2="up1", sdb3="up9", sdb4=None) == "sdb3"


def asked(local: frozenset[str], **phases: str) -> set[str]:
    """Whose word a load balancer wants, given each node's phase."""
    heard: set[str] = set()

    def ask(name: str) -> Report:
        heard.add(name)
        return report(int(name.lstrip("sdb")), 1, phases[name])

    ask_around(phases, local, ask)
    return heard


def test_the_other_regions_nodes_are_asked_only_while_none_of_its_own_serves() -> None:
    assert asked(HERE, sdb1="up", sdb2="up", sdb3="lost", sdb4="up") == HERE
    assert asked(HERE, sdb1="up", sdb2="up", sdb3="lost", sdb4="join") == {"sdb1", "sdb2", "sdb3", "sdb4"}
    assert asked(frozenset(), db1="up", db2="up", db3="up") == {"db1", "db2", "db3"}


def test_without_a_majority_anywhere_a_node_is_read() -> None:
    assert shared("sdb1", sdb1=None, sdb2=None, sdb3="lost4", sdb4="lost4") == "sdb4"
    assert shared("sdb4", sdb1="lost1", sdb2="lost1", sdb3="lost4", sdb4=None) == "sdb3"
    assert shared(sdb1="lost1", sdb2=None, sdb3="start0", sdb4=None) == "sdb1"
    assert shared("sdb4", sdb1=None, sdb2=None, sdb3="join0", sdb4=None) == "sdb4"
    assert shared(sdb1=None, sdb2=None, sdb3=None, sdb4=None) is None


def test_state_lines() -> None:
    line = "2 4fa52aa6-e786-11f1-bb1e-be44580faf66 743 up 3 19c5aee4-e787-11f1-a31d-02142ece8919:13/3 1,2,3\n"
    assert parse_report(line) == report(2, 3)
    assert parse_report("2 x -1 start 0 - -\n") == Report(2, "start", 0, frozenset())
    assert parse_report("") is None
    assert parse_report("a b c d e f g") is None


def test_only_connected_sessions_are_ended() -> None:
    line = "0x7f{}: proto=tcpv4 src=10.0.0.1:5 fe=galera be=galera srv={} ts=00 age=1s scf=[8,0h,fd=1] scb=[{},1h,fd=2]"
    table = "\n".join([line.format("a1", "db1", 8), line.format("a2", "db1", 5), line.format("a3", "db2", 8), ""])
    assert runtime.parse_established(table, "galera", "db1") == ["0x7fa1"]
    assert runtime.parse_established(table, "identity", "db1") == []


def test_the_runtime_table_is_read_by_its_header() -> None:
    table = (
        "# pxname,svname,scur,status,weight,check_status,\n"
        "galera,db1,3,UP 1/2,1,L7OK,\ngalera,db2,0,DOWN,0,* L7RSP,\ngalera,db3,0,DOWN,0,L4TOUT,\n\n"
    )
    assert runtime.parse_servers(table) == [
        runtime.Server("db1", up=True, answers=True, weight=1, sessions=3),
        runtime.Server("db2", up=False, answers=True, weight=0, sessions=0),
        runtime.Server("db3", up=False, answers=False, weight=0, sessions=0),
    ]


def test_neighbour_events() -> None:
    def attribute(kind: int, data: bytes) -> bytes:
        return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)

    def message(kind: int, body: bytes) -> bytes:
        return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body

    head = struct.pack("=BBHiHBB", 2, 0, 0, 2, 2, 0, 1)
    body = head + attribute(1, bytes([10, 0, 0, 10])) + attribute(2, bytes.fromhex("0242ac110002"))
    packet = message(99, b"") + message(neighbour.NEW_NEIGHBOUR, body)
    assert list(neighbour.entries(packet)) == [("10.0.0.10", "02:42:ac:11:00:02")]
    assert list(neighbour.entries(message(neighbour.NEW_NEIGHBOUR, head))) == []
    assert list(neighbour.entries(b"\0" * 16)) == []


def test_keepalived_follows_the_address_to_an_interface_of_another_name() -> None:
    followed: list[str] = []
    rejoin = Rejoin("eth0", followed.append)
    for interface in ("eth0", None, None, "eth0", None, "eth1", "eth1", None, "eth2"):
        rejoin.seen(interface)
    assert followed == ["eth1", "eth2"]


def test_a_keepalived_that_could_not_be_told_is_told_again() -> None:
    tried: list[str] = []

    def reconfigure(interface: str) -> None:
        tried.append(interface)
        if len(tried) == 1:
            raise FileNotFoundError("/run/keepalived/pid")

    rejoin = Rejoin("eth0", reconfigure)
    for _ in range(3):
        rejoin.seen("eth1")
    assert tried == ["eth1", "eth1"]


def test_whoever_asks_hears_whether_the_address_is_here() -> None:
    for address, line in (("127.0.0.1", b"owner\n"), ("192.0.2.1", b"standby\n")):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            owner.answer(theirs, address)
            assert ours.recv(100) == line


def test_whoever_does_not_wait_for_the_answer_does_no_harm() -> None:
    ours, theirs = socket.socketpair()
    ours.close()
    with theirs:
        owner.answer(theirs, "127.0.0.1")

"""What a database server says of itself: notifications that come late are found out by asking."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "db"))

from galera.bootstrap import left_behind
from galera.hearsay import AGAIN, QUIET, SELDOM, Hearsay
from galera.records import JOINING, LOST, STOPPING, UP, Node, described, is_outcast, notified_members, notified_phase

PLACES = {"10.0.0.21": 1, "10.0.0.22": 2, "10.0.0.23": 3}
SYNCED = "--status synced --uuid u --primary yes --index 1 --members a/db1/x:3306,b/db2/x:3306"
ALONE = "--status connected --uuid u --primary no --index 0 --members b/db2/x:3306"


class Server:
    """A server that notifies, and answers when it is asked."""

    def __init__(self, notified: str, answer: str) -> None:
        self.notified, self.answer, self.questions = notified, answer, 0
        self.hearsay = Hearsay(lambda: self.notified)

    def ask(self) -> str:
        self.questions += 1
        return self.answer

    def compare(self, now: float) -> bool:
        return self.hearsay.compare(now, self.ask)


def test_a_notification_that_came_late_is_found_out() -> None:
    server = Server(ALONE, SYNCED)
    assert not server.compare(0.0)
    assert not server.compare(QUIET - 0.1)
    assert server.hearsay.text() == ALONE
    assert server.compare(QUIET)
    assert server.hearsay.text() == SYNCED


def test_one_that_serves_though_it_lost_the_others_is_found_out_too() -> None:
    server = Server(SYNCED, ALONE)
    server.compare(0.0)
    assert server.compare(QUIET)
    assert server.hearsay.text() == ALONE


def test_the_next_notification_counts_again() -> None:
    server = Server(ALONE, SYNCED)
    server.compare(0.0)
    server.compare(QUIET)
    server.notified = ALONE.replace("connected", "disconnecting")
    assert notified_phase(server.hearsay.text(), admitted=True) == STOPPING


def test_a_server_that_is_right_is_seldom_asked() -> None:
    server = Server(SYNCED, SYNCED)
    for second in range(100):
        assert not server.compare(float(second))
    assert server.questions <= 100 / SELDOM + 1
    waiting = Server(ALONE, ALONE)
    for second in range(100):
        assert not waiting.compare(float(second))
    assert server.questions < waiting.questions <= 100 / AGAIN + 1


def test_no_answer_and_no_notification_change_nothing() -> None:
    silent = Server(ALONE, "")
    silent.compare(0.0)
    assert not silent.compare(QUIET)
    assert silent.hearsay.text() == ALONE
    early = Server("", SYNCED)
    assert not early.compare(0.0)
    assert not early.compare(QUIET)
    assert early.questions == 0


def test_a_change_while_it_is_asked_is_left_to_its_notification() -> None:
    server = Server(ALONE, SYNCED)
    server.compare(0.0)

    def ask() -> str:
        server.notified = ALONE + "x"
        return SYNCED

    assert not server.hearsay.compare(QUIET, ask)


@pytest.mark.parametrize(
    ("state", "primary", "phase"),
    [
        ("Synced", "Primary", UP),
        ("Donor/Desynced", "Primary", "donor"),
        ("Joining: receiving State Transfer", "Primary", JOINING),
        ("Initialized", "non-Primary", LOST),
        ("Synced", "non-Primary", LOST),
        ("Inconsistent", "Disconnected", STOPPING),
    ],
)
def test_an_answer_reads_like_a_notification(state: str, primary: str, phase: str) -> None:
    said = described(_rows(state, primary, "ON", "10.0.0.21:3306,10.0.0.23:3306,"), PLACES)
    assert notified_phase(said, admitted=True) == phase
    assert notified_members(said) == "1,3"
    assert not is_outcast(said)


def test_a_server_that_left_the_cluster_says_so() -> None:
    assert is_outcast(described(_rows("Initialized", "Disconnected", "OFF", ""), PLACES))


def test_a_server_that_left_while_it_caught_up_has_no_place_among_those_that_it_names() -> None:
    left = _rows("Joining: receiving State Transfer", "non-Primary", "ON", "10.0.0.21:3306,10.0.0.23:3306")
    said = described(re.sub(r"(wsrep_local_index)\t\d+", rf"\1\t{2**64 - 1}", left), PLACES)
    assert notified_members(said) == "1,3"
    assert is_outcast(said)


def test_one_that_is_nowhere_yet_is_no_outcast() -> None:
    early = _rows("Initialized", "non-Primary", "ON", "")
    said = described(re.sub(r"(wsrep_local_index)\t\d+", rf"\1\t{2**64 - 1}", early), PLACES)
    assert not is_outcast(said)


def test_an_answer_that_is_not_whole_is_none() -> None:
    assert described("", PLACES) == ""
    assert described("wsrep_cluster_status\tPrimary\n", PLACES) == ""


def test_who_sees_all_others_and_is_not_in_step_is_left_behind() -> None:
    assert left_behind({2: Node(2, phase=UP), 3: Node(3, phase="donor")})
    assert not left_behind({2: Node(2, phase=UP), 3: None})
    assert not left_behind({2: Node(2, phase=LOST), 3: Node(3, phase=LOST)})
    assert not left_behind({})


def _rows(state: str, primary: str, connected: str, addresses: str) -> str:
    return (
        f"wsrep_cluster_status\t{primary}\nwsrep_local_state_comment\t{state}\nwsrep_connected\t{connected}\n"
        f"wsrep_local_index\t1\nwsrep_incoming_addresses\t{addresses}\n"
    )

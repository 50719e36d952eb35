"""The verdict of the failover tests: a good history is valid, and each seeded fault of a bad one is caught."""

from dataclasses import replace
from itertools import count

import pytest

from lab.hosts import Host
from tests.lab.final_state import FinalState, Guest, Server
from tests.lab.history import Failures, Operation, Outcome, failures
from tests.lab.verdict import Ruling, judge

NUMBERS = count()


def op(kind, name, *ids, outcome=Outcome.OK, **facts):
    began = float(next(NUMBERS))
    return Operation(kind, name, began, began + 0.5, outcome, is_safe=False, ids=ids, facts=facts)


HISTORY = (
    op("create user", "ann", "u1"),
    op("create user", "ben", "u2"),
    op("delete user", "ben's end", "u2"),
    op("create project", "blue", "p1"),
    op("create image", "disk", "i1"),
    op("upload image", "disk's data", "i1", checksum="abc"),
    op("tag image", "t1", "i1"),
    op("put object", "o1", checksum="123"),
    op("put object", "o2", checksum="456"),
    op("delete object", "o2"),
    op("put object", "o3", outcome=Outcome.UNKNOWN, checksum="789"),
    op("create server", "one", "s1"),
    op("create server", "pair", "s2", count=2),
    op("create server", "perhaps", outcome=Outcome.UNKNOWN),
    op("create server", "refused", outcome=Outcome.FAIL),
    op("reboot server", "r1", "s1"),
    op("reboot server", "r2", "s1", outcome=Outcome.UNKNOWN),
)
HOST = Host("h1", vcpus=1, memory_mb=256, disk_gb=4, vcpus_used=3, memory_mb_used=192, disk_gb_used=3)
STATE = FinalState(
    rows={"user": {"u1": "ann"}, "project": {"p1": "blue"}, "image": {"i1": "disk"}},
    checksums={"i1": "abc"},
    tags={"i1": frozenset({"t1"})},
    objects={"o1": "123"},
    servers=(
        Server("s1", "one", "ACTIVE", host="h1"),
        Server("s2", "pair-1", "ACTIVE", host="h1"),
        Server("s3", "pair-2", "ACTIVE", host="h1"),
    ),
    hosts=(HOST, Host("h2", 1, 256, 4)),
    guests=(
        Guest("h1", "s1", {"spawn": 1, "reboot": 1}),
        Guest("h1", "s2", {"spawn": 1}),
        Guest("h1", "s3", {"spawn": 1}),
        Guest("h2", "s3", {"spawn": 1, "destroy": 1}, is_gone=True),
    ),
)
FIRST, *OTHERS = STATE.servers or ()
JOURNAL = STATE.guests or ()


def servers(*rows):
    return replace(STATE, servers=rows)


def rows(**changes):
    return replace(STATE, rows={**STATE.rows, **changes})


def test_a_good_history_is_valid():
    verdict = judge(HISTORY, STATE)
    assert (verdict.ruling, verdict.lost, verdict.problems, verdict.unread) == (Ruling.VALID, 0, (), ())


LOSSES = {
    "a user is gone": (rows(user={}), "user ann (u1) was acknowledged and is gone"),
    "a project is gone": (rows(project={}), "project blue"),
    "an image is gone": (rows(image={}), "image disk"),
    "a deleted user came back": (rows(user={"u1": "ann", "u2": "ben"}), "user ben (u2) was deleted and is there"),
    "data changed": (replace(STATE, checksums={"i1": "xyz"}), "sent abc, there is xyz"),
    "data vanished": (replace(STATE, checksums={}), "there is None"),
    "a small write is gone": (replace(STATE, tags={"i1": frozenset()}), "tag t1"),
    "an object is gone": (replace(STATE, objects={}), "object o1: sent 123, there is None"),
    "an object changed": (replace(STATE, objects={"o1": "321"}), "sent 123, there is 321"),
    "a deleted object is back": (
        replace(STATE, objects={"o1": "123", "o2": "456"}),
        "object o2 was deleted and is there",
    ),
    "a server is gone": (servers(*OTHERS), "server one (s1) was accepted and is gone"),
    "an accepted reboot was never done": (
        replace(STATE, guests=(Guest("h1", "s1", {"spawn": 1}), *JOURNAL[1:])),
        "reboot of s1: 1 acknowledged, 1 unknown, done 0 times",
    ),
}


@pytest.mark.parametrize("seeded", LOSSES)
def test_a_loss_is_caught_and_counted(seeded):
    state, sentence = LOSSES[seeded]
    verdict = judge(HISTORY, state)
    assert (verdict.ruling, verdict.lost) == (Ruling.INVALID, 1)
    assert sentence in verdict.problems[0]


WRONGS = {
    "a retried request made two users": (rows(user={"u1": "ann", "u9": "ann"}), "user ann was made 2 times"),
    "a retried request made two servers": (
        servers(*STATE.servers or (), replace(FIRST, id="s9", host="h2")),
        "server one was made 2 times",
    ),
    "one of a batch was made twice": (
        servers(*STATE.servers or (), replace(FIRST, id="s9", name="pair-2", host="h2")),
        "server pair-2 was made 2 times",
    ),
    "an unanswered request made two servers": (
        servers(*STATE.servers or (), *(Server(f"s{n}", "perhaps", "ERROR", fault="No valid host was found. 3 hosts")
                                        for n in (8, 9))),
        "server perhaps was made 2 times",
    ),
    "a refused request had an effect": (
        servers(*STATE.servers or (), Server("s9", "refused", "ERROR", fault="No valid host was found. 3 hosts")),
        "server refused was refused",
    ),
    "a build hangs": (servers(replace(FIRST, status="BUILD", task="spawning"), *OTHERS), "hangs in BUILD"),
    "a task hangs": (servers(replace(FIRST, task="rebooting"), *OTHERS), "hangs in ACTIVE, task rebooting"),
    "an error without a cause": (servers(replace(FIRST, status="ERROR", fault="Oops"), *OTHERS), "without a cause"),
    "a lost guest is no cause": (
        servers(replace(FIRST, status="ERROR", fault="There is no such guest on h1."), *OTHERS), "without a cause"
    ),
    "claims exceed a host": (replace(STATE, hosts=(replace(HOST, vcpus_used=5),)), "its claims take 5"),
    "servers exceed what was claimed": (replace(STATE, hosts=(replace(HOST, memory_mb=191),)), "its servers take 192"),
    "disk is promised twice": (replace(STATE, hosts=(replace(HOST, disk_gb=2),)), "GiB of disk"),
    "a guest was spawned twice": (
        replace(STATE, guests=(Guest("h1", "s1", {"spawn": 2, "reboot": 1}), *JOURNAL[1:])), "was spawned 2 times"
    ),
    "a guest runs on two hosts": (replace(STATE, guests=(*JOURNAL, Guest("h2", "s1", {"spawn": 1}))), "on h1 and h2"),
    "a guest runs on the wrong host": (
        replace(STATE, guests=(*JOURNAL[:1], replace(JOURNAL[1], host="h2"), *JOURNAL[2:])), "its guest is on h2"
    ),
    "an active server has no guest": (replace(STATE, guests=(JOURNAL[0], *JOURNAL[2:])), "its guest is on no host"),
    "a reboot was done twice too often": (
        replace(STATE, guests=(Guest("h1", "s1", {"spawn": 1, "reboot": 3}), *JOURNAL[1:])), "done 3 times"
    ),
}  # fmt: skip


@pytest.mark.parametrize("seeded", WRONGS)
def test_a_wrong_is_caught(seeded):
    state, sentence = WRONGS[seeded]
    verdict = judge(HISTORY, state)
    assert verdict.ruling is Ruling.INVALID
    assert verdict.lost == 0
    assert any(sentence in problem for problem in verdict.problems), verdict.problems


def test_the_unknown_may_have_happened_once():
    state = servers(*STATE.servers or (), Server("s9", "perhaps", "ACTIVE", host="h2"))
    state = replace(state, guests=(*JOURNAL, Guest("h2", "s9", {"spawn": 1})))
    assert judge(HISTORY, state).ruling is Ruling.VALID
    twice_rebooted = (Guest("h1", "s1", {"spawn": 1, "reboot": 2}), *JOURNAL[1:])
    assert judge(HISTORY, replace(STATE, guests=twice_rebooted)).ruling is Ruling.VALID


def test_an_error_with_a_cause_is_an_end():
    fault = "No valid host was found. 3 hosts were considered: Resources removed 3."
    state = servers(replace(FIRST, status="ERROR", host=None, fault=fault), *OTHERS)
    state = replace(state, guests=(replace(JOURNAL[0], is_gone=True), *JOURNAL[1:]))
    assert judge(HISTORY, state).ruling is Ruling.VALID


@pytest.mark.parametrize("hidden", ["servers", "hosts", "guests", "checksums", "tags"])
def test_what_cannot_be_read_is_not_called_good(hidden):
    verdict = judge(HISTORY, replace(STATE, **{hidden: None}))
    assert verdict.ruling is Ruling.UNKNOWN
    assert len(verdict.unread) == 1


def test_unread_rows_are_unknown_and_a_problem_outweighs_them():
    assert judge(HISTORY, rows(user=None)).unread == ("users",)
    assert judge(HISTORY, replace(rows(user=None), checksums={})).ruling is Ruling.INVALID


def test_failures_are_counted_by_whether_they_may_be_repeated():
    history = [
        op("x", "1"),
        op("x", "2", outcome=Outcome.UNKNOWN),
        op("x", "3", outcome=Outcome.FAIL),
        replace(op("x", "4", outcome=Outcome.FAIL), is_safe=True),
    ]
    assert failures(history) == Failures(requests=4, safe=1, refused=1, unknown=1)

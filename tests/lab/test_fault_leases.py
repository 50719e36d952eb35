"""Faults that undo themselves, ordered as a person orders them, on the lab."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
import requests

from lab.paths import ROOT
from tests.lab.region import Region
from tests.lab.second_try import Late
from tests.lab.short_form import long

SECONDS = 60.0


def quorate(*words: str, code: int = 0) -> str:
    """What the command prints, having ended with this code."""
    done = subprocess.run(
        [ROOT / ".venv" / "bin" / "quorate", *words],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    return said


def state(region: Region, label: str) -> str:
    facts = region.engine.containers()[label]
    return facts.state if facts.is_connected else "alone"


def wait(holds: Callable[[], bool], what: str, seconds: float) -> None:
    give_up = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > give_up:
            raise Late(f"not within {seconds:.0f} s: {what}\n{quorate('status')}{quorate('fault', 'list')}")
        time.sleep(0.2)


@pytest.fixture
def whole(region: Region) -> Iterator[Region]:
    region.wait_redundant(120)
    yield region
    quorate("heal")
    region.wait_redundant(120)


def test_a_fault_of_a_role_ends_by_itself(whole: Region) -> None:
    writer = whole.writer().label
    said = quorate("fault", "pause", "galera:writer", "--for", "20s")
    assert re.search(rf"pause  {writer}  \d+ s left", said), said
    assert state(whole, writer) == "paused"
    assert writer in quorate("fault", "list")
    wait(lambda: state(whole, writer) == "running", f"{writer} runs again", SECONDS * whole.slow)
    wait(lambda: "No fault is in force" in quorate("fault", "list"), "the list is empty", SECONDS)


@long
def test_the_longer_of_two_faults_counts_and_heal_ends_both(whole: Region) -> None:
    quorate("fault", "kill", "scheduler:1", "--for", "2s")
    quorate("fault", "stop", "scheduler1", "--for", "300s")
    wait(lambda: quorate("fault", "list").count("scheduler1") == 1, "one is over", SECONDS * whole.slow)
    assert state(whole, "scheduler1") == "exited"
    assert "scheduler1 started" in quorate("heal")
    assert "No fault is in force" in quorate("fault", "list")


def test_a_fault_whose_keeper_was_killed_ends_with_the_next_command(whole: Region) -> None:
    ordered_at = time.monotonic()
    said = quorate("fault", "isolate", "conductor2", "--for", "12s")
    (keeper,) = [pid for pid, line in keepers().items() if said.split()[0] in line]
    os.kill(keeper, signal.SIGKILL)
    time.sleep(max(0.0, ordered_at + 20 - time.monotonic()))
    assert state(whole, "conductor2") == "alone"
    quorate("fault", "list")
    assert state(whole, "conductor2") == "running"


def keepers() -> dict[int, str]:
    """The command lines of the processes that keep leases."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if "lab.leases.keeper" in line:
            found[int(path.parent.name)] = line
    return found


def test_a_balancer_that_was_cut_off_can_take_the_address_again(whole: Region) -> None:
    first = whole.active_balancer().label
    quorate("fault", "isolate", first, "--for", "2s")
    wait(lambda: whole.status().address_holder not in (first, None), "the other one has it", 20 * whole.slow)
    quorate("heal")
    whole.wait_redundant(60)
    if whole.active_balancer().label == first:
        # The other one was silent for a third of a second just then; else nobody takes it from a living owner.
        raise Late(f"{first} took the address from the other one as it came back")
    quorate("fault", "kill", "lb:active", "--for", "120s")
    wait(lambda: whole.status().address_holder == first, f"{first} has it", 20 * whole.slow)


def reaches(region: Region, source: str, target: str) -> bool:
    """Whether a TCP connection from one database node to another's state port comes about."""
    address = region.topology.address(region.part(target))
    program = f"import socket; socket.create_connection(('{address}', 4569), 1).close()"
    container = region.engine.client.containers.get(region.topology.container(source))
    return bool(container.exec_run(["python3", "-c", program])[0] == 0)


def test_a_partition_is_between_two_sides_only(whole: Region) -> None:
    reader = next(part.name for part in whole.topology.parts if part.role == "galera" and part != whole.writer())
    others = [part.name for part in whole.topology.parts if part.role == "galera" and part.name != reader]
    quorate("fault", "partition", reader, "--from", others[0], "--for", "300s")
    assert not reaches(whole, reader, others[0])
    assert not reaches(whole, others[0], reader)
    assert reaches(whole, reader, others[1])
    assert f"partition from {others[0]}  {reader}" in quorate("fault", "list")
    assert f"{reader} gets all its packets" in quorate("heal")
    assert reaches(whole, reader, others[0])


@long
def test_two_faults_of_packets_end_apart(whole: Region) -> None:
    quorate("fault", "partition", "db2", "--from", "db3", "--for", "300s")
    quorate("fault", "loss", "100%", "db2", "--for", "1s")
    wait(lambda: reaches(whole, "db2", "db1"), "the loss is over", SECONDS * whole.slow)
    assert not reaches(whole, "db2", "db3")


@long
def test_a_slow_part_is_slow_for_as_long_as_it_was_said(whole: Region) -> None:
    address = whole.topology.address(whole.part("db2"))

    def seconds() -> float:
        began = time.monotonic()
        socket.create_connection((address, 4569), 5).close()
        return time.monotonic() - began

    assert min(seconds() for _ in range(5)) < 0.1
    quorate("fault", "slow", "300ms", "db2", "--for", "20s")
    assert min(seconds() for _ in range(5)) > 0.29
    wait(lambda: "No fault is in force" in quorate("fault", "list"), "the fault is over", SECONDS * whole.slow)
    assert min(seconds() for _ in range(5)) < 0.1
    quorate("fault", "slow", "300ms", "db2", "--for", "300s")
    assert "db2 sends as fast as ever" in quorate("heal")
    assert min(seconds() for _ in range(5)) < 0.1


def test_a_full_disk_refuses_writes_and_takes_them_again(whole: Region) -> None:
    quorate("fault", "fill-disk", "osd:1", "mq:2", "--for", "300s")

    def full() -> set[str]:
        parts = [part for role in whole.status().roles for part in role.parts]
        return {part.name for part in parts if "disk is full" in part.says}

    wait(lambda: full() == {"osd1", "mq2"}, "both are full", 20 * whole.slow)
    healed = quorate("heal")
    assert "osd1 has room on its disk again" in healed
    assert "mq2 has room on its disk again" in healed


@long
def test_an_object_server_with_a_full_disk_answers_that_it_has_no_room(whole: Region) -> None:
    quorate("fault", "fill-disk", "swift:1", "--for", "300s")
    path = f"http://{whole.topology.address(whole.part('swift1'))}:6200/d1/0/AUTH_none/none/none"
    headers = {"X-Timestamp": f"{time.time():.5f}", "Content-Type": "text/plain"}

    def answer() -> int:
        try:
            return requests.put(path, data=b"x", headers=headers, timeout=3).status_code
        except requests.ConnectionError:
            return 0

    wait(lambda: answer() == 507, "it has no room", 20 * whole.slow)
    assert "swift1 has room on its disk again" in quorate("heal")


def test_a_clock_is_behind_for_one_part_only_until_it_is_healed(whole: Region) -> None:
    def ahead() -> float:
        url = f"http://{whole.topology.address(whole.part('identity1'))}:5000/v3"
        try:
            date = requests.get(url, timeout=3).headers["Date"]
        except requests.ConnectionError:
            return 0.0
        return parsedate_to_datetime(date).timestamp() - time.time()

    quorate("fault", "clock-skew", "-3h", "identity:1", "--for", "300s")
    wait(lambda: -10810 < ahead() < -10790, "it is three hours behind", 20 * whole.slow)
    assert "identity1 has the right time again" in quorate("heal")
    wait(lambda: -10 < ahead() < 0 or 0 < ahead() < 10, "it has the right time", 20 * whole.slow)


def test_what_cannot_be_done_is_one_line_and_leaves_nothing_behind(whole: Region) -> None:
    assert "say 20s or 5m" in quorate("fault", "kill", "db1", "--for", "soon", code=2)
    assert "writer, reader" in quorate("fault", "kill", "galera:leader", code=2)
    assert "db1 has no disk" in quorate("fault", "fill-disk", "osd1", "db1", code=2)
    assert "No fault is in force" in quorate("fault", "list")
    quorate("fault", "stop", "scheduler2", "--for", "300s")
    assert "does not run" in quorate("fault", "loss", "5%", "scheduler2", "--for", "300s", code=1)
    assert quorate("fault", "list").count("\n") == 1

"""Who is known to be dead: a process that ended, not one that cannot be reached."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "db"))

from galera import presence, records, settings

from tests.ports import free_port

DB = Path(__file__).parents[2] / "db"
HOLD = "from galera.presence import PresencePort; p = PresencePort({port}); print('there', flush=True); p.run()"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "AGAIN", 0.02)


@pytest.fixture
def deaths(port: int, quick: None) -> Iterator[Queue[str]]:
    heard: Queue[str] = Queue()
    watch = presence.Watch("db2", "127.0.0.1", heard.put, port)
    watch.start()
    yield heard
    watch.end()


@pytest.fixture
def member(port: int) -> Iterator[subprocess.Popen[str]]:
    """Another member's process, which holds connections."""
    command = [sys.executable, "-c", HOLD.format(port=port)]
    with subprocess.Popen(command, cwd=DB, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        yield process
        process.kill()


def test_a_process_that_ends_is_dead_at_once(member: subprocess.Popen[str], deaths: Queue[str], port: int) -> None:
    _held(port)
    with pytest.raises(Empty):
        deaths.get(timeout=0.3)
    member.kill()
    assert deaths.get(timeout=5) == "db2"
    with pytest.raises(Empty):
        deaths.get(timeout=0.3)


def test_a_reset_is_no_death(port: int, deaths: Queue[str]) -> None:
    """As where a router or a peer's kernel gives the connection up."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        for _ in range(3):
            connection, _ = listener.accept()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            connection.close()
    with pytest.raises(Empty):
        deaths.get(timeout=0.3)


def test_connections_whose_other_end_is_gone_are_let_go(port: int) -> None:
    holder = presence.PresencePort(port)
    threading.Thread(target=holder.run, daemon=True).start()
    with socket.create_connection(("127.0.0.1", port)) as first:
        first.settimeout(5)
        first.shutdown(socket.SHUT_WR)
        _held(port)  # comes after it
        assert first.recv(1) == b""


def test_the_dead_are_named_by_their_identity_in_the_view() -> None:
    one, two = "00000001-0000-11f0-8001-000000000001", "e1bef5cd-ea2c-11f1-9f22-bef7764b3db9"
    said = f"--status synced --primary yes --index 0 --members {one}/db1/10.0.0.24:3306,{two}/arbitrator/"
    assert records.member_id(said, "db1") == one
    assert records.member_id(said, "arbitrator") == two
    assert records.member_id(said, "db2") == ""
    assert records.member_id(f"--members {records.UNDEFINED}/db1/10.0.0.24", "db1") == ""


def test_all_other_members_are_watched() -> None:
    environment = {
        "DB_ORDINAL": "2", "DB_CLUSTER": "c", "DB_ROOT_PASSWORD": "r", "DB_MONITOR_PASSWORD": "m", "DB_DATABASES": "",
        "DB_SUBNETS": "10.1.1 10.1.2", "DB_ARBITRATOR": "10.1.3.24",
    }  # fmt: skip
    found = settings.read_settings({**environment, "DB_DATABASES": "identity", "DB_IDENTITY_PASSWORD": "i"})
    assert found.others == {
        "db1": "10.1.1.24", "db3": "10.1.2.24", "db4": "10.1.2.25", "arbitrator": "10.1.3.24",
    }  # fmt: skip


def _held(port: int) -> None:
    """Wait until the watch has had time to connect: a connection that comes after it is accepted after it."""
    with socket.create_connection(("127.0.0.1", port)) as probe:
        probe.settimeout(0.2)
        with pytest.raises(TimeoutError):
            probe.recv(1)

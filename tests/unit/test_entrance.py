"""The global entrance: who is thought healthy, and what the name servers answer."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "lb"))

from balancer import entrance
from health.probe import Target, Watch
from health.verdict import Health, Patience, forgiven, heard, judged
from nameserver import zone
from nameserver.backend import reply

PATIENCE = Patience(silence=1.0, recovery=2.0)
SUBNETS = {"one": "10.8.0", "two": "10.8.1"}
ANYCAST = "10.8.3.1"


def healthy_since(start: float) -> Health:
    health = heard(Health(), True, start)
    return judged(heard(health, True, start + PATIENCE.recovery), start + PATIENCE.recovery, PATIENCE)


def test_nobody_is_healthy_before_answering_well_for_a_while() -> None:
    health = heard(Health(), True, 10.0)
    assert not judged(Health(), 10.0, PATIENCE).healthy
    assert not judged(health, 10.5, PATIENCE).healthy
    assert healthy_since(10.0).healthy


def test_one_bad_answer_changes_nothing_and_silence_does() -> None:
    health = heard(healthy_since(10.0), False, 12.1)
    assert judged(health, 12.9, PATIENCE).healthy
    assert not judged(health, 13.0, PATIENCE).healthy


def test_bad_answers_alone_are_silence() -> None:
    health = healthy_since(10.0)
    for tenth in range(1, 10):
        health = judged(heard(health, False, 12.0 + tenth / 10), 12.0 + tenth / 10, PATIENCE)
        assert health.healthy
    assert not judged(heard(health, False, 13.0), 13.0, PATIENCE).healthy


def test_a_bad_answer_during_recovery_begins_it_anew() -> None:
    health = heard(heard(heard(Health(), True, 10.0), False, 11.0), True, 11.5)
    assert not judged(health, 12.2, PATIENCE).healthy
    assert judged(heard(health, True, 13.4), 13.5, PATIENCE).healthy


def test_silence_during_recovery_begins_it_anew() -> None:
    health = judged(heard(Health(), True, 10.0), 11.0, PATIENCE)
    assert not judged(heard(health, True, 12.5), 12.5, PATIENCE).healthy


def test_the_judges_own_sleep_is_nobodys_silence_for_a_while() -> None:
    slept = forgiven(healthy_since(10.0), 0.3, PATIENCE)
    assert judged(slept, 13.2, PATIENCE).healthy
    assert not judged(slept, 13.4, PATIENCE).healthy
    for _ in range(3):
        slept = forgiven(slept, 0.3, PATIENCE)
    assert judged(slept, 13.4, PATIENCE).healthy
    assert not judged(slept, 13.6, PATIENCE).healthy
    assert judged(forgiven(heard(slept, True, 20.0), 0.4, PATIENCE), 21.3, PATIENCE).healthy


class Service:
    """A small HTTP service that can refuse and fall silent."""

    def __init__(self, status: str = "200 OK") -> None:
        self.status, self.silent = status, False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.target = Target("service", "127.0.0.1", self._listener.getsockname()[1], "/healthcheck")
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection:
                    connection.recv(4096)
                    if not self.silent:
                        connection.sendall(f"HTTP/1.1 {self.status}\r\nContent-Length: 0\r\n\r\n".encode())
                    else:
                        time.sleep(0.3)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def service() -> Iterator[Service]:
    running = Service()
    yield running
    running.close()


class Ended(Exception):
    """The watch said what was waited for."""


def watch_until(target: Target, wanted: list[bool], act: Mapping[int, object]) -> None:
    """Watch until the verdict went through these values; call what is due after each of them."""
    seen: list[bool] = []
    deadline = time.monotonic() + 20

    def told(verdicts: Mapping[str, bool]) -> None:
        if not seen or seen[-1] != verdicts["service"]:
            seen.append(verdicts["service"])
            due = act.get(len(seen))
            if callable(due):
                due()
        if seen == wanted:
            raise Ended
        assert time.monotonic() < deadline, seen

    with pytest.raises(Ended):
        Watch([target], 0.05, Patience(silence=0.3, recovery=0.2)).run(told)


def test_a_service_that_refuses_and_mends(service: Service) -> None:
    def refuse() -> None:
        service.status = "503 Service Unavailable"

    def mend() -> None:
        service.status = "200 OK"

    watch_until(service.target, [False, True, False, True], {2: refuse, 3: mend})


def test_a_frozen_service_and_a_dead_one(service: Service) -> None:
    def freeze() -> None:
        service.silent = True

    watch_until(service.target, [False, True, False], {2: freeze})
    service.silent = False
    watch_until(service.target, [False, True, False], {2: service.close})


def test_bird_is_told_of_changes_only_and_again_if_it_did_not_hear() -> None:
    told: list[str] = []
    deaf = True

    def bird(command: str) -> None:
        if deaf:
            raise OSError("not there yet")
        told.append(command)

    door = entrance.Entrance(bird)
    door.follow({"identity": True, "image": True}, 0.0)
    deaf = False
    settled = entrance.SETTLED
    for now, image in (
        (1.0, True),
        (settled, True),
        (settled + 1, False),
        (settled + 2, True),
        (2 * settled + 2, True),
    ):
        door.follow({"identity": True, "image": image}, now)
    assert told == [
        *("enable newcomer", "enable anycast", "enable last_resort"), "disable anycast", "enable anycast",
    ]  # fmt: skip


def test_an_entrance_that_stays_ill_is_withdrawn() -> None:
    told: list[str] = []
    door = entrance.Entrance(told.append)
    for now, well in ((0.0, False), (1.0, True), (2.0, False), (1.0 + entrance.LAST_RESORT, False), (9.0, False)):
        door.follow({"identity": well, "image": True}, now)
    assert told == ["enable newcomer", "disable newcomer"]


def test_an_entrance_that_was_withdrawn_is_a_newcomer_again() -> None:
    told: list[str] = []
    door = entrance.Entrance(told.append)
    settled = entrance.SETTLED
    for now, well in ((0.0, True), (settled, True), (settled + 1, False), (settled + 9, False), (settled + 10, True)):
        door.follow({"identity": well, "image": True}, now)
    assert told[3:] == ["disable anycast", "disable last_resort", "disable newcomer", "enable newcomer"]


def contents(healthy: zone.Verdicts, name: str, kind: str = "ANY", since: zone.Moments | None = None) -> list[str]:
    records = zone.records(SUBNETS, ANYCAST, healthy, since or {})
    return [record.content for record in zone.answer(records, name, kind)]


EVERYBODY = {(site, service): True for site in SUBNETS for service in zone.SHARED}


def test_shared_names_lead_to_the_regions_that_serve() -> None:
    assert contents(EVERYBODY, "identity.quorate.test.") == ["10.8.0.10", "10.8.1.10"]
    lost = EVERYBODY | {("one", "identity"): False}
    assert contents(lost, "identity.quorate.test.") == ["10.8.1.10"]
    assert contents(lost, "image.quorate.test.") == ["10.8.0.10", "10.8.1.10"]


def test_a_server_that_has_just_begun_names_who_has_answered_longest() -> None:
    def named(**since: float) -> list[str]:
        return contents({}, "image.quorate.test.", since={(site, "image"): one for site, one in since.items()})

    assert named(two=7.0) == ["10.8.1.10"]
    assert named(two=7.0, one=9.5) == ["10.8.1.10"]
    assert named(two=7.0, one=7.4) == ["10.8.0.10", "10.8.1.10"]


def test_with_nobody_healthy_all_are_named() -> None:
    assert contents({}, "object.quorate.test.") == ["10.8.0.10", "10.8.1.10"]


def test_a_regions_own_names_always_lead_there() -> None:
    for service in ("identity", "image", "object", "compute", "volume"):
        assert contents({}, f"{service}.region-two.quorate.test.") == ["10.8.1.10"]
    assert contents({}, "anycast.quorate.test.") == [ANYCAST]


def test_kinds_and_unknown_names() -> None:
    assert contents({}, "quorate.test.", "NS") == ["ns-one.quorate.test", "ns-two.quorate.test"]
    assert contents({}, "ns-two.quorate.test.", "A") == ["10.8.1.7"]
    assert contents({}, "IDENTITY.Quorate.Test.", "A") == ["10.8.0.10", "10.8.1.10"]
    assert contents({}, "identity.quorate.test.", "AAAA") == []
    assert contents({}, "nothing.quorate.test.") == []


def test_powerdns_is_answered_in_its_own_protocol() -> None:
    records = zone.records(SUBNETS, ANYCAST, {}, {})

    def ask(method: str, **parameters: object) -> object:
        return reply({"method": method, "parameters": parameters}, lambda: records)

    assert ask("initialize") is True
    assert ask("lookup", qname="anycast.quorate.test.", qtype="ANY") == [
        {"qname": "anycast.quorate.test", "qtype": "A", "content": ANYCAST, "ttl": 2}
    ]
    assert ask("lookup", qname="elsewhere.test.", qtype="ANY") is False
    assert ask("getAllDomainMetadata", name="quorate.test.") is False

"""What a service says of itself: that it serves, and that its database can be read."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from fastapi.testclient import TestClient
from starlette.responses import PlainTextResponse, Response

from services.platform.faults import Fault
from services.platform.http import make_app


def render(fault: Fault) -> Response:
    return PlainTextResponse(str(fault), fault.status)


class Database:
    """One that can be away, and counts who reads it at once."""

    def __init__(self) -> None:
        self.there, self.reads, self.at_once = True, 0, 0
        self.gate = threading.Event()
        self.gate.set()
        self._reading = threading.Semaphore(1)

    def read(self) -> bool:
        alone = self._reading.acquire(blocking=False)
        self.at_once += not alone
        self.reads += 1
        self.gate.wait(5)
        if alone:
            self._reading.release()
        return self.there


def client(database: Database) -> TestClient:
    return TestClient(make_app("test", [], render=render, ready=database.read))


def test_a_replica_stays_ready_while_its_database_is_away() -> None:
    database = Database()
    with client(database) as service:
        assert service.get("/healthcheck").status_code == 200
        database.there = False
        assert service.get("/healthcheck").status_code == 200
        assert service.get("/healthcheck/database").status_code == 503


def test_the_database_is_found_again() -> None:
    database = Database()
    database.there = False
    with client(database) as service:
        assert service.get("/healthcheck/database").status_code == 503
        database.there = True
        deadline = time.monotonic() + 10
        while (status := service.get("/healthcheck/database").status_code) != 200 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert status == 200


def test_many_who_ask_read_a_slow_database_once() -> None:
    database = Database()
    database.gate.clear()
    with client(database) as service, ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(service.get, "/healthcheck/database") for _ in range(8)]
        deadline = time.monotonic() + 10
        while not database.reads and time.monotonic() < deadline:
            time.sleep(0.01)
        database.gate.set()
        assert {answer.result().status_code for answer in answers} == {200}
    assert database.at_once == 0

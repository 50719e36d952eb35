"""Who may talk to the console, and what its buttons do: over HTTP, with a lab by hand behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from lab.console.app import Settings, create_app
from lab.console.guard import HEADER, Asked, Secrets, cookie_name, refusal
from lab.console.web import placed
from lab.errors import NotRunningError
from lab.watch import kept
from lab.watch.page import page
from lab.watch.run import Run
from tests.unit.console_lab import FakeLab

URL = "http://127.0.0.1:30123"
OWN = Secrets("the-token", "the-cookie", "the-page")
WELL = Asked("POST", "127.0.0.1:30123", OWN.cookie, URL, OWN.page, "same-origin")
RUN = Run("blue", "2026-05-04T10:11:12+00:00", 5.0, (), (), ())


@pytest.fixture
def lab() -> FakeLab:
    return FakeLab()


@pytest.fixture
def app(lab: FakeLab, tmp_path: Path) -> FastAPI:
    return create_app(lab, Settings(tmp_path, OWN))


@pytest.fixture
def stranger(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, base_url=URL, follow_redirects=False) as client:
        yield client


@pytest.fixture
def person(stranger: TestClient) -> TestClient:
    assert stranger.get("/", params={"token": OWN.token}).status_code == 303
    stranger.headers |= {HEADER: OWN.page, "origin": URL}
    return stranger


@pytest.mark.parametrize("host", ["127.0.0.1:30123", "localhost:30123", "[::1]:30123", "localhost"])
def test_this_machine_may(host: str) -> None:
    assert refusal(replace(WELL, host=host, origin=f"http://{host}"), OWN) is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"host": "evil.example:30123", "origin": "http://evil.example:30123"}, "127.0.0.1 and localhost only"),
        ({"host": ""}, "127.0.0.1 and localhost only"),
        ({"host": "127.0.0.1.evil.example:30123"}, "127.0.0.1 and localhost only"),
        ({"cookie": ""}, "this start's token"),
        ({"cookie": OWN.token}, "this start's token"),
        ({"origin": "http://evil.example"}, "own page only"),
        ({"origin": "http://localhost:30123"}, "own page only"),
        ({"origin": "null"}, "own page only"),
        ({"origin": ""}, "own page only"),
        ({"fetch_site": "cross-site"}, "own page only"),
        ({"fetch_site": "same-site"}, "own page only"),
        ({"page": ""}, "load it again"),
        ({"page": OWN.cookie}, "load it again"),
        ({"cookie": "\N{SNOWMAN}\ud800"}, "this start's token"),
    ],
)
def test_others_may_not(changes: dict[str, str], said: str) -> None:
    why = refusal(replace(WELL, **changes), OWN)
    assert why is not None
    assert said in why


def test_reading_needs_the_cookie_only() -> None:
    assert refusal(Asked("GET", "127.0.0.1:1", OWN.cookie), OWN) is None
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert refusal(Asked(method, "127.0.0.1:1", OWN.cookie), OWN) is not None


def test_each_start_has_secrets_of_its_own() -> None:
    one, other = Secrets(), Secrets()
    assert len({one.token, one.cookie, one.page, other.token, other.cookie, other.page}) == 6
    assert min(map(len, (one.token, one.cookie, one.page))) >= 32
    assert cookie_name("127.0.0.1:1") != cookie_name("127.0.0.1:2")


def test_the_token_becomes_a_cookie_and_leaves_the_address(stranger: TestClient) -> None:
    answer = stranger.get("/", params={"token": OWN.token})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "quorate-console-30123=the-cookie" in cookie
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    page = stranger.get("/")
    assert page.status_code == 200
    assert OWN.token not in page.text
    assert OWN.cookie not in page.text


@pytest.mark.parametrize(
    "path", ["/", "/?token=", "/?token=wrong", "/stream", "/runs", "/static/console.js", "/docs", "/x"]
)
def test_without_the_token_there_is_a_sentence_and_nothing_else(stranger: TestClient, path: str) -> None:
    answer = stranger.get(path)
    assert answer.status_code == 403
    assert answer.text == "Open the address that `quorate console` printed: it carries this start's token.\n"


def test_a_name_that_leads_here_from_elsewhere_gets_no_cookie(stranger: TestClient) -> None:
    answer = stranger.get("/", params={"token": OWN.token}, headers={"host": "rebound.example:30123"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/fault", "/way", "/heal", "/watch"])
def test_a_forged_request_changes_nothing(person: TestClient, lab: FakeLab, path: str) -> None:
    fields = {"kind": "kill", "target": "db1", "seconds": "20", "fault": "cut", "do": "start"}
    for headers in ({"origin": "http://evil.example"}, {HEADER: "guessed"}, {"sec-fetch-site": "cross-site"}):
        assert person.post(path, data=fields, headers=headers).status_code == 403
    assert person.get(path).status_code == 405
    assert lab.done == []


@pytest.mark.parametrize("path", ["/", "/runs", "/static/console.css", "/x"])
def test_every_answer_carries_the_policy(person: TestClient, path: str) -> None:
    headers = person.get(path).headers
    policy = headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


def test_a_refusal_carries_the_policy(stranger: TestClient) -> None:
    assert "default-src 'none'" in stranger.get("/").headers["content-security-policy"]


def test_the_page_obeys_its_own_policy(person: TestClient) -> None:
    text = person.get("/").text
    assert " style=" not in text
    assert " onclick=" not in text
    assert "<script>" not in text
    assert "://" not in text.replace("http://www.w3.org/2000/svg", "")  # works offline
    for path in ("htmx.min.js", "htmx-sse.min.js", "console.js", "console.css", "picture.css", "icon.svg"):
        assert f'"/static/{path}"' in text
        assert person.get(f"/static/{path}").status_code == 200


def test_a_part_is_struck(person: TestClient, lab: FakeLab) -> None:
    answer = person.post("/fault", data={"kind": "pause", "target": "two/db1", "seconds": "30", "site": "one"})
    assert (answer.status_code, lab.done) == (200, [("pause", "two/db1", 30.0)])
    assert "Did pause to two/db1 for 30 s." in answer.text


def test_a_role_is_struck_in_the_region_that_is_meant() -> None:
    assert placed("galera:writer", "two") == "two/galera:writer"
    assert placed("galera:writer", "one") == "galera:writer"
    assert placed("region:one", "two") == "region:one"
    assert placed("db1", "two") == "db1"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "kill", "target": "", "seconds": "20"}, "Choose a part"),
        ({"kind": "erase", "target": "db1", "seconds": "20"}, "no fault &#39;erase&#39;"),
        ({"kind": "kill", "target": "db1", "seconds": "many"}, "up to 600 s"),
        ({"kind": "kill", "target": "db1", "seconds": "nan"}, "up to 600 s"),
        ({"kind": "kill", "target": "db1", "seconds": "-1"}, "up to 600 s"),
        ({}, "no fault"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(
    person: TestClient, lab: FakeLab, fields: dict[str, str], said: str
) -> None:
    answer = person.post("/fault", data=fields)
    assert answer.status_code == 409
    assert said in answer.text
    assert lab.done == []


def test_what_the_lab_refuses_is_its_own_sentence(person: TestClient, lab: FakeLab) -> None:
    lab.refusal = NotRunningError("The lab blue is not up; `make up` starts it.")
    fields = {"kind": "kill", "target": "db1", "seconds": "20"}
    answer = person.post("/fault", data=fields)
    assert (answer.status_code, "The lab blue is not up" in answer.text) == (409, True)
    lab.refusal = ConnectionResetError("by <peer>")
    answer = person.post("/fault", data=fields)
    assert answer.status_code == 500
    assert "It did not work: ConnectionResetError, by &lt;peer&gt;." in answer.text


def test_the_way_is_spoiled_and_everything_healed(person: TestClient, lab: FakeLab) -> None:
    assert person.post("/way", data={"fault": "cut", "seconds": "20"}).status_code == 200
    assert "db1 started." in person.post("/heal").text
    assert lab.done == [("way", "cut", 20.0), ("heal",)]


def test_a_lab_that_is_not_up_is_a_page_with_a_sentence(person: TestClient, lab: FakeLab) -> None:
    lab.refusal = NotRunningError("The lab blue is not up; `make up` starts it.")
    answer = person.get("/")
    assert answer.status_code == 200
    assert "The lab blue is not up" in answer.text


@pytest.mark.slow
def test_the_stream_begins_with_everything(app: FastAPI, person: TestClient) -> None:
    threading.Timer(2.0, app.state.board.end).start()
    told = person.get("/stream")
    assert told.headers["content-type"].startswith("text/event-stream")
    for name in ("headline", "notice", "picture", "controls", "clock", "lanes", "story", "faults"):
        assert f"event: {name}\n" in told.text
    assert "db1, galera of region-one, writer, synced" in told.text


def test_a_kept_timeline_is_served_apart_from_the_console(person: TestClient, tmp_path: Path) -> None:
    name = kept.keep(RUN, page(RUN), tmp_path).name
    answer = person.get(f"/runs/{name}/timeline")
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("sandbox allow-scripts; default-src 'none'")
    assert "Nothing was watched" in answer.text
    for other in ("gone", "..%2f..%2fsecret", "latest"):
        assert person.get(f"/runs/{other}/timeline").status_code == 404
    assert name in person.get("/runs", params={"run": name}).text

"""The console on the running lab: what it sees, breaks, mends, watches and keeps."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from fastapi.testclient import TestClient

from lab.console.app import Settings, create_app
from lab.console.guard import HEADER, Secrets
from lab.console.picture import picture
from lab.console.real_lab import RealLab
from lab.watch import kept
from tests.lab.region import Region
from tests.lab.test_fault_leases import quorate

pytestmark = pytest.mark.timeout(600)

URL, OWN = "http://127.0.0.1:30123", Secrets()


def until(condition: Callable[[], object], seconds: float) -> None:
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.2)


def test_every_part_of_the_lab_is_in_the_picture(region: Region) -> None:
    region.wait_redundant(120)
    snapshot = RealLab().look()
    drawing = picture(snapshot)
    assert all(f'data-part="{label}"' in drawing for label in snapshot.parts)
    for word in ("active", "writer", "leader"):
        assert f">{word}</text>" in drawing
    if len(snapshot.sites) > 1:
        assert snapshot.anycast


def test_a_fault_is_watched_judged_and_kept(region: Region, tmp_path: Path) -> None:
    region.wait_redundant(120)
    app = create_app(RealLab(), Settings(tmp_path, OWN))
    with TestClient(app, base_url=URL) as person:
        person.get("/", params={"token": OWN.token})
        person.headers |= {HEADER: OWN.page, "origin": URL}
        assert person.post("/watch", data={"do": "start", "site": "one"}).status_code == 200
        until(lambda: "silent" in person.get("/").text or " ms</span>" in person.get("/").text, 120)  # lanes are asked
        time.sleep(5)
        active = region.active_balancer().label
        fields = {"kind": "kill", "target": "lb:active", "seconds": "5", "site": "one"}
        answer = person.post("/fault", data=fields)
        assert f"Killed {active} for 5 s." in answer.text, answer.text
        until(lambda: f"<b>{active}</b> started" in person.get("/").text, 60)
        assert person.post("/watch", data={"do": "stop"}).status_code == 200
        until(lambda: "Verdict: " in person.get("/").text, 240)
        assert person.post("/heal").status_code == 200
    (name,) = kept.names(tmp_path)
    run = kept.load(name, tmp_path)
    assert run is not None
    assert run.judgement.ruling == "valid", run.judgement.reasons
    assert (active, "killed") in [(event.who, event.says) for event in run.events]
    region.wait_redundant(120)


def test_it_goes_on_by_itself_as_a_container_of_the_lab(region: Region) -> None:
    said = quorate("console", "--detach")
    try:
        url = re.search(r"http://127\.0\.0\.1:\d+/\?token=\S+", said)
        assert url is not None, said
        assert url[0] in quorate("console", "--detach")
        with requests.Session() as person:
            person.get(url[0], timeout=10)
            home = url[0].partition("?")[0]
            until(lambda: 'data-part="db1"' in person.get(home, timeout=10).text, 60)
            secret = re.search(rf'"{HEADER}": "([^"]+)"', person.get(home, timeout=10).text)
            assert secret is not None
            fields = {"kind": "kill", "target": "scheduler1", "seconds": "3", "site": "one"}
            headers = {HEADER: secret[1], "origin": home.rstrip("/")}
            answer = person.post(f"{home}fault", data=fields, headers=headers, timeout=60)
            assert "Killed scheduler1 for 3 s." in answer.text, answer.text
        until(lambda: region.engine.containers()["scheduler1"].state == "running", 60)
    finally:
        assert "has ended" in quorate("console", "--end")
    assert f"{region.topology.lab}-console" not in {fact.container for fact in region.engine.containers().values()}

"""The lab watched from outside while something breaks, as a person does it."""

from __future__ import annotations

import json
import subprocess
import time

import pytest

from lab.paths import ROOT, VAR
from lab.watch.kept import DIRECTORY, LATEST
from tests.lab.region import Region
from tests.lab.test_fault_leases import quorate

pytestmark = pytest.mark.timeout(600)

QUORATE = str(ROOT / ".venv" / "bin" / "quorate")


def test_a_failover_is_seen_told_and_judged(region: Region) -> None:
    region.wait_redundant(120)
    active = region.active_balancer().label
    command = [QUORATE, "watch", "--for", "20s", "--json"]
    watching = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        time.sleep(10)
        quorate("fault", "kill", "lb:active", "--for", "5s")
        said, complaints = watching.communicate(timeout=300)
    finally:
        watching.kill()
    assert watching.returncode == 0, said + complaints
    run = json.loads(said)
    assert run["judgement"] == {"ruling": "valid", "reasons": [], "checked": run["judgement"]["checked"]}
    told = [(event["who"], event["says"]) for event in run["events"]]
    assert (active, "killed") in told
    assert (active, "started") in told
    lanes = {lane["name"]: lane for lane in run["lanes"]}
    assert {"token", "catalog", "servers", "db write", "db read", "RPC", "block", "object", "boot"} <= set(lanes)
    assert all(lane["operations"] > lane["failed"] + lane["unknown"] for lane in lanes.values()), lanes
    page = (DIRECTORY / LATEST / "timeline.html").read_text(encoding="utf-8")
    assert "Verdict: valid" in page
    assert (VAR / "runs" / LATEST / "history.jsonl").read_text().count("\n") > 200
    assert not _left(region)


def test_chaos_ends_with_everything_whole_and_a_valid_verdict(region: Region) -> None:
    said = quorate("chaos", "--seed", "11", "--for", "45s", "--plain")
    assert "The verdict: valid" in said, said
    assert "No fault is in force" in quorate("fault", "list")
    region.wait_redundant(120)
    assert not _left(region)


def _left(region: Region) -> list[str]:
    with region.client() as admin:
        projects = admin.ask("GET", "identity", "/v3/projects").json()["projects"]
    return [project["name"] for project in projects if project["name"].startswith("watch-")]

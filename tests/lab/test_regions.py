"""Breaks whole regions and the way between them under load: short gaps, nothing lost, the same in both after."""

import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.lab.client import Client, read
from tests.lab.record import Record, keeps
from tests.lab.region import Region
from tests.lab.region_strikes import FAULTS
from tests.lab.region_trial import open_wan, run_region_trial
from tests.lab.short_form import each

TIMES = 15
DELAY_MS = 80


@each(FAULTS)
def test_regions_survive(regions, fault, run, records, longest):
    one, two = regions
    fault = replace(fault, held=min(fault.held, longest))
    record = run_region_trial(one, two, fault, run, open_wan(one))
    records.append(record)
    assert (record.ruling, record.problems, record.lost) == ("valid", (), 0)
    keeps(record, one.slow)


def test_a_slow_way_costs_shared_writes_one_round_trip_and_regional_ones_nothing(regions, records):
    one, _ = regions
    wan = open_wan(one)
    with one.client() as admin:
        calm = [_median(work) for work in (_write(admin), _read_token(admin), _regional(admin))]
        wan.slow(DELAY_MS, "one-two")
        try:
            measured = wan.round_trip("one-two")
            slow = [_median(work) for work in (_write(admin), _read_token(admin), _regional(admin))]
        finally:
            wan.heal()
    (write, token, regional), (slow_write, slow_token, slow_regional) = calm, slow
    predicted = write + measured
    records.append(_record(calm, slow, measured))
    assert measured == pytest.approx(2 * DELAY_MS / 1000, rel=0.25)
    assert 0.6 * predicted < slow_write < 1.8 * predicted, (write, slow_write, predicted)
    assert slow_token < token + 0.5 * measured, (token, slow_token)
    assert slow_regional < regional + 0.5 * measured, (regional, slow_regional)


def _write(admin: Client) -> Callable[[], None]:
    made = admin.ask("POST", "identity", "/v3/projects", {"project": {"name": f"slow-{time.monotonic_ns()}"}})
    path = f"/v3/projects/{read(made.json(), 'project.id')}"

    def work() -> None:
        changed = admin.ask("PATCH", "identity", path, {"project": {"description": str(time.monotonic_ns())}})
        assert changed.status == 200, changed

    return work


def _read_token(admin: Client) -> Callable[[], None]:
    def work() -> None:
        seen = admin.ask("GET", "identity", "/v3/auth/tokens", headers={"X-Subject-Token": admin.token})
        assert seen.status == 200, seen

    return work


def _regional(admin: Client) -> Callable[[], None]:
    def work() -> None:
        made = admin.ask("POST", "volume", f"/v3/{_project(admin)}/types", {"volume_type": {"name": _unique()}})
        assert made.status == 200, made
        kind = read(made.json(), "volume_type.id")
        assert admin.ask("DELETE", "volume", f"/v3/{_project(admin)}/types/{kind}").status == 202

    return work


def _project(admin: Client) -> str:
    seen = admin.ask("GET", "identity", "/v3/auth/tokens", headers={"X-Subject-Token": admin.token})
    return read(seen.json(), "token.project.id")


def _unique() -> str:
    return f"slow-{time.monotonic_ns()}"


def _median(work: Callable[[], None]) -> float:
    times = []
    for _ in range(TIMES):
        began = time.monotonic()
        work()
        times.append(time.monotonic() - began)
    return statistics.median(times)


def _record(calm: list[float], slow: list[float], measured: float) -> Record:
    said = [f"the way there and back took {measured * 1000:.0f} ms"]
    for name, before, after in zip(("identity write", "token validation", "volume type"), calm, slow, strict=True):
        said.append(f"{name}: {before * 1000:.0f} ms, then {after * 1000:.0f} ms")
    said.append(f"predicted for the write, one round trip to certify: {(calm[0] + measured) * 1000:.0f} ms")
    return Record(
        fault="wan-slow", run=0, struck=("the way between the regions",), calm={}, gaps={}, returning={}, requests=0,
        failed_safe=0, refused=0, unknown=0, redundant_after=0.0, lost=0, ruling="valid", problems=(),
        notes=tuple(said),
    )  # fmt: skip


def test_a_token_of_one_region_is_good_in_the_other_at_once(regions):
    one, two = regions
    with one.client() as admin:
        for _ in range(TIMES):
            _token_of_a_new_user(admin, one, two)


def _token_of_a_new_user(admin: Client, one: Region, two: Region) -> None:
    """A user who has just been made in one region, logs in there and shows the token in the other."""
    name = _unique()
    made = admin.ask("POST", "identity", "/v3/users", {"user": {"name": name, "password": name}})
    user = read(made.json(), "user.id")
    identity = {"methods": ["password"], "password": {"user": {"id": user, "password": name}}}
    token = admin.ask("POST", "identity", "/v3/auth/tokens", {"auth": {"identity": identity}})
    assert token.status == 201, token
    with Client(two.admin, token=token.headers["X-Subject-Token"]) as elsewhere:
        assert elsewhere.ask("GET", "identity", f"/v3/users/{user}", patience=0).status == 200
    assert admin.ask("DELETE", "identity", f"/v3/users/{user}").status == 204

"""The pytest plugin without a cloud: ways in, the sweep's patience, faults that are always taken back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from openstack.exceptions import ConflictException

from lab import look as lab_look
from lab.errors import LabError, NotReadyError
from lab.leases import order as lab_order
from lab.leases.lease import Lease
from lab.status_model import Health, LabStatus, PartStatus, RegionStatus, RoleStatus
from quorate_pytest.access import Access
from quorate_pytest.cloud import Cloud
from quorate_pytest.faults import lacking, obstacle, until_healed
from quorate_pytest.sweep import LeftOverError, sweep
from tests.cloud import ROOT

AUTH = {"auth_url": "http://here/v3", "username": "admin", "password": "x", "project_name": "admin",
        "user_domain_name": "Default", "project_domain_name": "Default"}  # fmt: skip
ACCESS = Access(cloud_config={"auth": AUTH, "identity_api_version": 3}, region="one")


def test_it_costs_nothing_where_it_is_not_used() -> None:
    heavy = "openstack keystoneauth1 docker fastapi sqlalchemy services storage lab"
    program = f"import sys, quorate_pytest.plugin; print([name for name in {heavy.split()!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_subprocess_gets_this_user_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_CLOUD", "production")
    monkeypatch.setenv("OS_TOKEN", "secret")
    found = ACCESS.environment
    assert {name: value for name, value in found.items() if name.startswith("OS_")} == {
        "OS_AUTH_URL": "http://here/v3", "OS_USERNAME": "admin", "OS_PASSWORD": "x", "OS_PROJECT_NAME": "admin",
        "OS_USER_DOMAIN_NAME": "Default", "OS_PROJECT_DOMAIN_NAME": "Default", "OS_REGION_NAME": "one",
        "OS_IDENTITY_API_VERSION": "3",
    }  # fmt: skip
    assert "PATH" in found


def test_another_project_keeps_nothing_of_the_old_scope() -> None:
    login = {"username": "u", "password": "p", "user_domain_id": "d"}
    assert ACCESS.in_project("fresh", "d", login)["auth"] == {
        "auth_url": "http://here/v3", **login, "project_name": "fresh", "project_domain_id": "d",
    }  # fmt: skip
    assert ACCESS.in_project("fresh", "d")["auth"] == {
        "auth_url": "http://here/v3", "username": "admin", "password": "x", "user_domain_name": "Default",
        "project_name": "fresh", "project_domain_id": "d",
    }  # fmt: skip
    assert ACCESS.cloud_config["auth"] == AUTH


class Volumes:
    """A volume service whose one volume refuses to go some times, and always if it is negative."""

    def __init__(self, refusals: int) -> None:
        self.refusals, self.left = refusals, [SimpleNamespace(id="v1")]

    def transfers(self) -> Iterator[Any]:
        return iter(())

    snapshots = delete_transfer = delete_snapshot = transfers

    def volumes(self) -> Iterator[Any]:
        return iter(self.left)

    def delete_volume(self, volume: Any) -> None:
        if self.refusals:
            self.refusals -= 1
            raise ConflictException(message="no", details="Volume v1 is attaching.")
        self.left.remove(volume)


def sweep_volumes(volumes: Volumes, patience: float) -> None:
    there = SimpleNamespace(endpoint_for="block-storage".__eq__, block_storage=volumes)
    sweep(there, "p", "u", patience)  # type: ignore[arg-type]


def test_what_refuses_to_go_is_asked_again() -> None:
    volumes = Volumes(2)
    sweep_volumes(volumes, 10)
    assert volumes.left == []


def test_what_never_goes_is_named_with_its_reason() -> None:
    with pytest.raises(LeftOverError, match=r"The volume v1 could not be removed: Volume v1 is attaching\."):
        sweep_volumes(Volumes(-1), 0.05)


def test_an_embedded_cloud_has_nothing_to_break() -> None:
    cloud = Cloud(cloud_config={}, region="one", name="embedded", regions=("one",), is_embedded=True)
    assert "pytest --quorate-cloud quorate" in obstacle(cloud)


def status(**health: Health) -> LabStatus:
    parts = tuple(PartStatus(name, "galera", "", "running", each, "") for name, each in health.items())
    region = RegionStatus(
        "lab", "region-one", "one", "", None, False, "haproxy", "", None, 3, {}, (), (), (),
        (RoleStatus("galera", parts),),
    )  # fmt: skip
    return LabStatus("lab", (region,))


def test_only_what_was_broken_is_waited_for() -> None:
    seen = status(db1=Health.DOWN, db2=Health.DOUBTFUL, db3=Health.GOOD)
    assert lacking(seen, {"db1", "db3"}) == ["db1"]


class Orders:
    """The lab's side of faults: what was ordered and what was taken back; taking back `stubborn` ones fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ordered: list[Lease] = []
        self.back: list[str] = []
        self.stubborn: set[str] = set()
        monkeypatch.setattr(lab_order, "order", self.order)
        monkeypatch.setattr(lab_order, "take_back", self.take_back)
        monkeypatch.setattr(lab_look, "look", lambda: status(db1=Health.GOOD))

    def order(self, kind: str, selectors: tuple[str, ...], seconds: float) -> Lease:
        self.ordered.append(Lease(kind, kind, selectors, 0.0, seconds))
        return self.ordered[-1]

    def take_back(self, lease: Lease) -> None:
        self.back.append(lease.kind)
        if lease.kind in self.stubborn:
            raise LabError("no engine")


def test_faults_end_with_a_test_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Orders(monkeypatch)

    def failing() -> None:
        with until_healed() as faults:
            assert faults.kill("db1", "lb1") == ["db1", "lb1"]
            faults.pause("db2", seconds=7)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert lab.back == ["pause", "kill"]
    assert [lease.until for lease in lab.ordered] == [300.0, 7.0]


def test_one_fault_that_stays_does_not_keep_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Orders(monkeypatch)
    lab.stubborn = {"stop"}

    def stuck() -> None:
        with until_healed() as faults:
            faults.isolate("db1")
            faults.stop("db2")

    with pytest.raises(NotReadyError, match=r"stop  db2 .*no engine.*quorate heal"):
        stuck()
    assert lab.back == ["stop", "isolate"]


def test_what_was_healed_in_the_test_is_not_healed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Orders(monkeypatch)
    with until_healed() as faults:
        faults.kill("db1")
        faults.heal()
    assert lab.back == ["kill"]

"""The frozen list of OpenStack's own tests, unmodified, against the cloud under test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cloud import Cloud
from tests.tempest.tempest_run import LOAD_LIST, Target, judge, read_list, report, run, select


@pytest.mark.timeout(1800)
def test_every_listed_test_succeeds(cloud: Cloud, tmp_path: Path) -> None:
    must_succeed(cloud, tmp_path, Target.services - {"object-store"})


@pytest.mark.timeout(600)
def test_every_listed_test_of_object_storage_succeeds(cloud: Cloud, tmp_path: Path) -> None:
    if cloud.ours:
        pytest.skip("an embedded cloud has no Swift: its listed tests run against containers only")
    must_succeed(cloud, tmp_path, frozenset({"object-store"}), without_identity=True)


def must_succeed(cloud: Cloud, tmp_path: Path, services: frozenset[str], *, without_identity: bool = False) -> None:
    listed = select(read_list(LOAD_LIST), services)
    if without_identity:
        listed = [test_id for test_id in listed if ".api.identity." not in test_id]
    target = Target(cloud.auth_url, cloud.password, cloud.username, cloud.project, cloud.domain, cloud.region, services)
    verdict, outcomes = run(target, listed, tmp_path)
    print(report(verdict, outcomes, len(listed)))
    assert listed
    assert verdict.good, report(verdict, outcomes, len(listed))


def test_the_list_is_the_one_that_was_promised() -> None:
    listed = read_list(LOAD_LIST)
    assert len(listed) == len(set(listed))
    services = ("identity", "image", "object_storage", "volume")
    counts = {service: sum(f".api.{service}." in test_id for test_id in listed) for service in services}
    assert counts == {"identity": 15, "image": 23, "object_storage": 61, "volume": 60}


def test_a_list_has_not_passed_when_one_of_it_did_not_run() -> None:
    assert judge(["a", "b"], {"a": "success", "b": "success"}).good
    assert not judge(["a", "b"], {"a": "success"}).good
    assert not judge(["a"], {"a": "skip"}).good
    assert not judge(["a"], {"a": "success", "setUpClass (x)": "fail"}).good
    assert not judge(["a"], {"a": "success", "b": "skip"}).good
    assert judge(["a"], {"a": "success", "b": "skip"}, allowed_skips=["b"]).good

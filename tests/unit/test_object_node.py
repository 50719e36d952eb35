"""A node of object storage: rings and configuration that follow from the environment alone."""

from __future__ import annotations

import configparser
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "objects"))

from node import configuration, metadata
from node.rings import PORTS, devices, entry, replicas
from node.serving import latest_first, rest_after
from node.settings import read_settings

ROOT = Path(__file__).parents[2]
ONE, TWO = "10.1.4", "10.1.5"
ENVIRONMENT = {
    "SUBNETS": f"{ONE} {TWO}",
    "SUBNET": TWO,
    "REGION": "region-two",
    "SWIFT_HASH_PREFIX": "before",
    "SWIFT_HASH_SUFFIX": "after",
    "SERVICE_PASSWORD": "secret",
}


def test_a_region_alone_holds_two_copies_in_two_zones() -> None:
    assert [(device.region, device.zone, device.ip) for device in devices([ONE])] == [
        (1, 1, "10.1.4.67"),
        (1, 2, "10.1.4.68"),
    ]
    assert replicas([ONE]) == 2


def test_two_regions_hold_two_copies_each() -> None:
    assert replicas([ONE, TWO]) == 4
    assert Counter(device.region for device in devices([ONE, TWO])) == {1: 2, 2: 2}
    assert len({device.id for device in devices([ONE, TWO])}) == 4


def test_a_region_that_joins_leaves_the_devices_of_the_first_as_they_are() -> None:
    assert devices([ONE, TWO])[:2] == devices([ONE])


@pytest.mark.parametrize("subnet", [ONE, TWO])
def test_both_regions_work_out_the_same_rings(subnet: str) -> None:
    here = read_settings(ENVIRONMENT | {"SUBNET": subnet})
    assert devices(here.subnets) == devices([ONE, TWO])


def test_each_kind_of_server_has_a_port_of_its_own() -> None:
    ports = {entry(devices([ONE])[0], kind)["port"] for kind in PORTS}
    assert len(ports) == len(PORTS)
    for kind, port in PORTS.items():
        assert f"bind_port = {port}\n" in (ROOT / "objects" / "etc" / f"{kind}-server.conf").read_text()


def test_the_region_is_the_place_of_its_network_in_the_list() -> None:
    assert read_settings(ENVIRONMENT).region == 2
    assert read_settings(ENVIRONMENT | {"SUBNET": ONE}).region == 1


def test_settings_that_contradict_themselves_are_refused() -> None:
    with pytest.raises(SystemExit, match=r"10\.9\.9 is not one of"):
        read_settings(ENVIRONMENT | {"SUBNET": "10.9.9"})
    with pytest.raises(SystemExit, match="not set: SUBNETS SWIFT_HASH_SUFFIX"):
        read_settings(ENVIRONMENT | {"SUBNETS": "", "SWIFT_HASH_SUFFIX": ""})


def test_every_template_is_filled_in_and_kept_from_others(tmp_path: Path) -> None:
    configuration.write(read_settings(ENVIRONMENT), ROOT / "objects" / "etc", tmp_path)
    written = {path.name: path for path in tmp_path.iterdir()}
    assert written.keys() == {path.name for path in (ROOT / "objects" / "etc").iterdir()}
    assert {path.stat().st_mode & 0o777 for path in written.values()} == {0o600}
    assert "hosts allow = 10.1.4.67 10.1.4.68 10.1.5.67 10.1.5.68" in written["rsyncd.conf"].read_text()
    proxy = configparser.ConfigParser(interpolation=None)
    proxy.read(written["proxy-server.conf"])
    assert proxy["app:proxy-server"]["read_affinity"] == "r2=100"
    assert proxy["app:proxy-server"]["write_affinity"] == "r2"
    assert proxy["filter:authtoken"]["auth_url"] == "http://10.1.5.10:5000"
    missing = {
        name for name in proxy["pipeline:main"]["pipeline"].split()[:-1] if not proxy.has_section(f"filter:{name}")
    }
    assert not missing


def request(method: str, path: str, **headers: str) -> dict[str, str]:
    return {"REQUEST_METHOD": method, "PATH_INFO": path, **headers}


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (request("PUT", "/v1/AUTH_a/c/o", HTTP_X_OBJECT_META_A="x" * 200), "served"),
        (request("PUT", "/v1/AUTH_a/c/o", HTTP_X_OBJECT_META_A="x" * 4000), "400 Bad Request"),
        (request("POST", "/v1/AUTH_a/c/o", HTTP_CONTENT_DISPOSITION="x" * 4000), "400 Bad Request"),
        (request("PUT", f"/v1/AUTH_a/c/{'n' * 1024}", HTTP_X_OBJECT_META_A="x" * 3000), "400 Bad Request"),
        (request("PUT", "/v1/AUTH_a/c/o", HTTP_X_AUTH_TOKEN="x" * 4000), "served"),
        (request("PUT", "/v1/AUTH_a/c", HTTP_X_CONTAINER_READ="x" * 4000), "served"),
        (request("GET", "/v1/AUTH_a/c/o", HTTP_CONTENT_DISPOSITION="x" * 4000), "served"),
    ],
)
def test_metadata_that_a_disk_can_not_keep_never_gets_to_a_node(asked: dict[str, str], status: str) -> None:
    def proxy(_environ: metadata.Environ, start_response: Callable[..., Any]) -> list[bytes]:
        start_response("served", [])
        return []

    said: list[str] = []
    list(metadata.filter_factory({})(proxy)(asked, lambda answer, _headers: said.append(answer)))
    assert said == [status]


def test_a_daemon_with_much_to_do_comes_round_less_often_but_does_come() -> None:
    assert rest_after(5, took=0.01) == 5
    assert rest_after(5, took=0.7) == 7
    assert rest_after(5, took=60) == 10
    assert rest_after(120, took=60) == 120


def test_a_node_that_comes_back_replicates_soon_and_reads_everything_later() -> None:
    assert latest_first(2) == 2
    assert latest_first(10) == 5
    assert latest_first(120) == 120

"""The protocol of compute: versions, microversions, faults, bad input. In the shapes that clients are strict about."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from conftest import Cloud, Raw
from openstack.connection import Connection

MICROVERSION = "X-OpenStack-Nova-API-Version"

#: Nova's closed schema of a server in a list at 2.1, as an administrator sees it.
SERVER_2_1 = {
    "id", "name", "links", "status", "tenant_id", "user_id", "metadata", "hostId", "image", "flavor", "created",
    "updated", "addresses", "accessIPv4", "accessIPv6", "OS-DCF:diskConfig", "OS-EXT-AZ:availability_zone",
    "config_drive", "key_name", "OS-SRV-USG:launched_at", "OS-SRV-USG:terminated_at", "OS-EXT-STS:task_state",
    "OS-EXT-STS:vm_state", "OS-EXT-STS:power_state", "os-extended-volumes:volumes_attached", "progress",
    "security_groups", "OS-EXT-SRV-ATTR:host", "OS-EXT-SRV-ATTR:instance_name", "OS-EXT-SRV-ATTR:hypervisor_hostname",
}  # fmt: skip


def test_version_documents_can_be_followed(cloud: Cloud) -> None:
    raw = Raw(cloud.url_of("compute"), None)
    answer = raw("GET", "/")
    versions = json.loads(answer.data)["versions"]
    assert answer.status == 200
    assert [version["id"] for version in versions] == ["v2.0", "v2.1"]
    for version in versions:
        link = version["links"][0]["href"]
        assert link.startswith(cloud.url_of("compute"))
        document = json.loads(raw("GET", "/" + link.split("/", 3)[3]).data)["version"]
        assert document["links"][0]["href"] == link
        assert document["id"] == version["id"]
    assert raw("GET", "/v2.1").status == 200


@pytest.mark.parametrize("asked", ["2.1", "2.26", "2.53", "2.90", "latest"])
def test_the_microversion_is_echoed(compute: Raw, asked: str) -> None:
    answer = compute("GET", "/v2.1/servers/detail", headers={MICROVERSION: asked})
    spoken = "2.90" if asked == "latest" else asked
    assert answer.headers[MICROVERSION] == spoken
    assert answer.headers["OpenStack-API-Version"] == f"compute {spoken}"
    assert MICROVERSION in answer.headers["Vary"]
    missing = compute("GET", "/v2.1/servers/nothing", headers={MICROVERSION: asked})
    assert missing.status == 404
    assert missing.headers[MICROVERSION] == spoken


@pytest.mark.parametrize(("asked", "status"), [("2.999", 406), ("3.1", 406), ("x", 400), ("2.01", 400)])
def test_microversions_that_are_not_served(compute: Raw, asked: str, status: int) -> None:
    answer = compute("GET", "/v2.1/servers", headers={MICROVERSION: asked})
    assert answer.status == status
    assert json.loads(answer.data)[{406: "computeFault", 400: "badRequest"}[status]]["code"] == status


@pytest.mark.parametrize(
    ("version", "more"),
    [
        ("2.1", set()),
        ("2.9", {"locked"}),
        ("2.19", {"locked", "description", "host_status"}),
        ("2.26", {"locked", "description", "host_status", "tags"}),
        ("2.63", {"locked", "description", "host_status", "tags", "trusted_image_certificates"}),
    ],
)
def test_keys_appear_from_their_microversion_on(
    admin: Connection, compute: Raw, image: str, version: str, more: set[str]
) -> None:
    flavor = admin.compute.find_flavor("m1.nano", ignore_missing=False)
    server = admin.compute.create_server(name="shape", image_id=image, flavor_id=flavor.id, networks="none")
    admin.compute.wait_for_server(server, wait=30, interval=0.1)
    shown = json.loads(compute("GET", f"/v2.1/servers/{server.id}", headers={MICROVERSION: version}).data)["server"]
    newer = {key for key in shown if key.startswith("OS-EXT-SRV-ATTR:")} - SERVER_2_1
    assert set(shown) - newer == SERVER_2_1 | more
    assert bool(newer) == (version != "2.1")
    admin.compute.delete_server(server)


def test_request_ids_are_on_every_answer(cloud: Cloud, compute: Raw) -> None:
    for answer in (
        compute("GET", "/v2.1/flavors"),
        compute("GET", "/nowhere"),
        Raw(cloud.url_of("compute"), None)("GET", "/v2.1/servers"),
    ):
        assert answer.headers["x-openstack-request-id"].startswith("req-")
        assert answer.headers["x-compute-request-id"] == answer.headers["x-openstack-request-id"]


def test_without_a_token_or_with_a_bad_one(cloud: Cloud) -> None:
    for token in (None, "nonsense", "gAAAAAB" + "x" * 200):
        answer = Raw(cloud.url_of("compute"), token)("GET", "/v2.1/servers")
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Keystone uri=")


def server(**fields: Any) -> dict[str, Any]:
    return {"server": {"name": "x", "imageRef": str(uuid.UUID(int=0)), "flavorRef": "42"} | fields}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/servers", server(), 400),
        ("POST", "/servers", server(imageRef="no uuid"), 400),
        ("POST", "/servers", server(name=""), 400),
        ("POST", "/servers", server(name=5), 400),
        ("POST", "/servers", server(name="x" * 256), 400),
        ("POST", "/servers", server(name="\ud800"), 400),
        ("POST", "/servers", server(name="a\x00b"), 400),
        ("POST", "/servers", server(surprise=1), 400),
        ("POST", "/servers", server(min_count=0), 400),
        ("POST", "/servers", server(min_count=10**30), 400),
        ("POST", "/servers", server(metadata={"k": 1}), 400),
        ("POST", "/servers", server(user_data="***"), 400),
        ("POST", "/servers", {"server": []}, 400),
        ("POST", "/servers", [], 400),
        ("POST", "/servers", None, 400),
        ("POST", "/servers/none/action", {"os-stop": None}, 404),
        ("POST", "/servers/none/action", {"explode": None}, 400),
        ("POST", "/servers/none/action", {}, 400),
        ("POST", "/servers/none/action", {"reboot": {"type": "MEDIUM"}}, 400),
        ("POST", "/flavors", {"flavor": {"name": "f", "ram": -1, "vcpus": 1, "disk": 1}}, 400),
        ("POST", "/flavors", {"flavor": {"name": "f", "ram": 10**12, "vcpus": 1, "disk": 1}}, 400),
        ("POST", "/os-keypairs", {"keypair": {"name": "k", "public_key": "ssh-rsa nonsense"}}, 400),
        ("POST", "/os-aggregates", {"aggregate": {"name": None}}, 400),
        ("POST", "/os-aggregates/1/action", {"add_host": {"host": 5}}, 400),
        ("GET", "/os-aggregates/999999999999999999999", None, 404),
        ("GET", "/os-aggregates/name", None, 404),
        ("GET", "/servers/detail?deleted=maybe", None, 400),
        ("GET", "/servers/detail?name=[", None, 400),
        ("GET", "/servers/detail?changes-since=yesterday", None, 400),
        ("GET", "/servers/detail?sort_key=colour", None, 400),
        ("GET", "/flavors?minRam=lots", None, 400),
        ("GET", "/nothing", None, 404),
        ("DELETE", "/servers", None, 405),
        ("PUT", "/os-services/nobody", {"status": "enabled"}, 400),
    ],
)  # fmt: skip
def test_bad_input_is_the_clients_fault(compute: Raw, method: str, path: str, body: Any, status: int) -> None:
    answer = compute(method, "/v2.1" + path, body)
    assert answer.status == status, answer.data
    ((_, fault),) = json.loads(answer.data).items()
    assert fault["code"] == status
    assert fault["message"]


def test_broken_and_oversized_bodies(compute: Raw) -> None:
    assert compute("POST", "/v2.1/servers", raw=b'{"server": ').status == 400
    assert compute("POST", "/v2.1/servers", raw=b"\xff\xfe").status == 400
    assert compute("POST", "/v2.1/servers", raw=b"[" * 100_000).status == 400
    too_large = compute("POST", "/v2.1/servers", raw=b" " * 200_000)
    assert too_large.status == 413
    assert json.loads(too_large.data)["overLimit"]["code"] == 413


def test_keypairs_change_their_manners_at_2_2(compute: Raw) -> None:
    name = uuid.uuid4().hex
    old = compute("POST", "/v2.1/os-keypairs", {"keypair": {"name": name}})
    assert old.status == 200
    assert "PRIVATE KEY" in json.loads(old.data)["keypair"]["private_key"]
    assert compute("POST", "/v2.1/os-keypairs", {"keypair": {"name": name}}).status == 409
    assert compute("DELETE", f"/v2.1/os-keypairs/{name}").status == 202
    new = compute("POST", "/v2.1/os-keypairs", {"keypair": {"name": name}}, headers={MICROVERSION: "2.2"})
    assert new.status == 201
    assert json.loads(new.data)["keypair"]["type"] == "ssh"
    assert compute("DELETE", f"/v2.1/os-keypairs/{name}", headers={MICROVERSION: "2.2"}).status == 204

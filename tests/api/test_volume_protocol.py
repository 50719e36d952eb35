"""The protocol of the volume service: versions, microversions, addresses, faults, bad input."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from conftest import Cloud, Raw
from openstack.connection import Connection
from volume_client import LATEST, Volumes

HEADER = "OpenStack-API-Version"

#: Cinder's closed schema of a volume at 3.0, as its owner sees it.
VOLUME_3_0 = {
    "id", "status", "size", "availability_zone", "created_at", "updated_at", "name", "description", "volume_type",
    "snapshot_id", "source_volid", "metadata", "links", "user_id", "bootable", "encrypted", "replication_status",
    "consistencygroup_id", "multiattach", "attachments", "os-vol-tenant-attr:tenant_id",
}  # fmt: skip
FOR_ADMINISTRATORS = {
    "migration_status", "os-vol-host-attr:host", "os-vol-mig-status-attr:migstat", "os-vol-mig-status-attr:name_id",
}  # fmt: skip


@pytest.fixture(scope="module")
def user(cloud: Cloud) -> Volumes:
    return Volumes(cloud, cloud.new_user())


@pytest.fixture(scope="module")
def root(cloud: Cloud, admin: Connection) -> Volumes:
    return Volumes(cloud, admin)


def test_version_documents_need_no_token(cloud: Cloud) -> None:
    raw = Raw(cloud.url_of("block-storage"), None)
    for path, status in (("/", 300), ("/v3", 200), ("/v3/", 200)):
        answer = raw("GET", path)
        assert answer.status == status
        (entry,) = json.loads(answer.data)["versions"]
        assert (entry["id"], entry["status"], entry["min_version"], entry["version"]) == (
            "v3.0", "CURRENT", "3.0", LATEST,
        )  # fmt: skip
        link = next(link["href"] for link in entry["links"] if link["rel"] == "self")
        assert link == f"{cloud.url_of('block-storage')}/v3/"


def test_all_else_needs_one(cloud: Cloud, user: Volumes) -> None:
    answer = Raw(user.root, None)("GET", f"/v3/{user.project_id}/volumes")
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Keystone uri=")


@pytest.mark.parametrize("asked", ["3.0", "3.27", LATEST, "latest"])
def test_the_microversion_is_echoed(user: Volumes, asked: str) -> None:
    spoken = LATEST if asked == "latest" else asked
    for path in ("/volumes", "/volumes/nothing"):
        answer = user("GET", path, version=asked)
        assert answer.headers[HEADER] == f"volume {spoken}"
        assert HEADER in answer.headers["Vary"]


def test_without_a_microversion_it_is_the_lowest(user: Volumes) -> None:
    assert user("GET", "/volumes", headers={HEADER: ""}).headers[HEADER] == "volume 3.0"


@pytest.mark.parametrize(("asked", "status"), [("3.999", 406), ("2.0", 406), ("x", 400), ("3.01", 400)])
def test_microversions_that_are_not_served(user: Volumes, asked: str, status: int) -> None:
    assert user("GET", "/volumes", version=asked).status == status


@pytest.mark.parametrize(
    ("version", "more"),
    [
        ("3.0", set()),
        ("3.13", {"group_id"}),
        ("3.48", {"group_id", "shared_targets", "service_uuid"}),
        ("3.63", {"group_id", "shared_targets", "service_uuid", "volume_type_id"}),
        (LATEST, {"group_id", "shared_targets", "service_uuid", "volume_type_id", "consumes_quota"}),
    ],
)
def test_a_volume_has_exactly_the_keys_of_its_microversion(
    user: Volumes, root: Volumes, version: str, more: set[str]
) -> None:
    volume_id = user.create()
    assert set(user.ask("GET", f"/volumes/{volume_id}", version=version)["volume"]) == VOLUME_3_0 | more
    (listed,) = user.ask("GET", "/volumes/detail?limit=1", version=version)["volumes"]
    assert set(listed) == VOLUME_3_0 | more
    for_admins = FOR_ADMINISTRATORS | ({"provider_id"} if version > "3.2" else set())
    for_admins |= {"cluster_name"} if version > "3.6" else set()
    assert set(root.ask("GET", f"/volumes/{volume_id}", version=version)["volume"]) == VOLUME_3_0 | more | for_admins
    user.delete(volume_id)


def test_the_project_in_the_address_is_the_tokens_own(cloud: Cloud, user: Volumes, root: Volumes) -> None:
    token = cloud.connect().auth_token
    raw = Raw(user.root, token)
    answer = raw("GET", f"/v3/{user.project_id}/volumes")
    assert answer.status == 400
    assert json.loads(answer.data)["badRequest"]["message"] == "Malformed request url"


def test_from_3_67_on_the_project_may_be_left_out(user: Volumes, cloud: Cloud, admin: Connection) -> None:
    raw = Raw(user.root, admin.auth_token)
    assert raw("GET", "/v3/volumes", headers={HEADER: "volume 3.67"}).status == 200
    assert raw("GET", "/v3/volumes/detail", headers={HEADER: "volume 3.67"}).status == 200
    assert raw("GET", "/v3/volumes", headers={HEADER: "volume 3.66"}).status == 404


def test_a_volume_of_another_project_is_not_there(cloud: Cloud, user: Volumes) -> None:
    other = Volumes(cloud, cloud.new_user())
    volume_id = user.create()
    for method, path, body in (
        ("GET", f"/volumes/{volume_id}", None),
        ("PUT", f"/volumes/{volume_id}", {"volume": {"name": "mine"}}),
        ("DELETE", f"/volumes/{volume_id}", None),
        ("GET", f"/volumes/{volume_id}/metadata", None),
        ("POST", f"/volumes/{volume_id}/action", {"os-extend": {"new_size": 2}}),
        ("POST", "/snapshots", {"snapshot": {"volume_id": volume_id}}),
        ("POST", "/volumes", {"volume": {"source_volid": volume_id}}),
        ("POST", "/attachments", {"attachment": {"volume_uuid": volume_id}}),
        ("POST", "/volume-transfers", {"transfer": {"volume_id": volume_id}}),
    ):
        status, message = other.refused(method, path, body)
        assert (status, message) == (404, f"Volume {volume_id} could not be found.")
    assert volume_id not in {one["id"] for one in other.ask("GET", "/volumes?all_tenants=1")["volumes"]}
    user.delete(volume_id)


def test_a_reader_may_look_and_nothing_else(cloud: Cloud) -> None:
    reader = Volumes(cloud, cloud.new_user("reader"))
    assert reader.ask("GET", "/volumes/detail") == {"volumes": []}
    for method, path, body in (
        ("POST", "/volumes", {"volume": {"size": 1}}),
        ("POST", "/snapshots", {"snapshot": {"volume_id": str(uuid.UUID(int=7))}}),
        ("POST", "/types", {"volume_type": {"name": "x"}}),
        ("GET", "/os-services", None),
        ("PUT", f"/os-quota-sets/{reader.project_id}", {"quota_set": {"volumes": 1}}),
    ):
        assert reader.refused(method, path, body)[0] == 403


@pytest.mark.parametrize(
    "path", ["/volumes/", "/snapshots/", "/types/", "/attachments/", "/nothing", "/volumes/x", "/snapshots/x"]
)
def test_what_is_not_there_is_404(user: Volumes, path: str) -> None:
    assert user.refused("GET", path)[0] == 404


@pytest.mark.parametrize("raw", [b"{", b"[]", b'"volume"', b"null", b'{"volume": []}', b"\xff\xfe", b'{"volume": NaN}'])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/volumes"),
        ("POST", "/snapshots"),
        ("POST", "/volumes/x/action"),
        ("POST", "/attachments"),
        ("POST", "/volume-transfers"),
        ("PUT", "/volumes/x"),
        ("PUT", "/volumes/x/metadata"),
    ],
)
def test_bodies_that_are_no_json_or_no_such_object(user: Volumes, method: str, path: str, raw: bytes) -> None:
    assert user.refused(method, path, raw=raw)[0] == 400


BAD_VOLUMES: list[dict[str, Any]] = [
    {},
    {"size": None},
    {"size": 0},
    {"size": -1},
    {"size": "x"},
    {"size": 1.5},
    {"size": True},
    {"size": 1 << 40},
    {"size": 1, "name": "x" * 256},
    {"size": 1, "metadata": {"": "x"}},
    {"size": 1, "metadata": {"k": 1}},
    {"size": 1, "metadata": {"k": "x" * 256}},
    {"size": 1, "metadata": []},
    {"size": 1, "snapshot_id": "x"},
    {"size": 1, "source_volid": 5},
    {"size": 1, "imageRef": "not-an-id"},
    {"size": 1, "availability_zone": "mars"},
    {"size": 1, "multiattach": True},
    {"size": 1, "unknown": 1},
    {"size": 1, "snapshot_id": str(uuid.UUID(int=7)), "source_volid": str(uuid.UUID(int=7))},
]


@pytest.mark.parametrize("wanted", BAD_VOLUMES, ids=lambda wanted: json.dumps(wanted)[:40])
def test_volumes_that_cannot_be(user: Volumes, wanted: dict[str, Any]) -> None:
    assert user.refused("POST", "/volumes", {"volume": wanted})[0] == 400


def test_sources_and_types_that_are_not_there(user: Volumes) -> None:
    nothing = str(uuid.uuid4())
    for wanted in (
        {"snapshot_id": nothing}, {"source_volid": nothing}, {"volume_type": "nothing"}, {"volume_type": nothing},
        {"imageRef": nothing}, {"group_id": nothing}, {"backup_id": nothing},
    ):  # fmt: skip
        assert user.refused("POST", "/volumes", {"volume": {"size": 1} | wanted})[0] == 404


def test_before_3_53_unknown_fields_are_ignored(user: Volumes) -> None:
    body = {"volume": {"size": 1, "status": "in-use", "project_id": "x"}}
    made = user.ask("POST", "/volumes", body, status=202, version="3.52")["volume"]
    assert made["status"] == "creating"
    user.wait(made["id"], "available")
    user.delete(made["id"])


@pytest.mark.parametrize(
    "query",
    [
        "limit=-1", "limit=x", "offset=-1", "offset=x", "sort=nothing:asc", "sort=name:sideways", "sort_key=nothing",
        "sort=name&sort_key=name", "unknown=1", "created_at=after:now", "created_at=gt:never", "metadata=[",
    ],
)  # fmt: skip
def test_lists_that_make_no_sense(user: Volumes, query: str) -> None:
    assert user.refused("GET", f"/volumes/detail?{query}")[0] == 400


def test_unknown_filters_are_ignored_before_3_31(user: Volumes) -> None:
    assert user.ask("GET", "/volumes?unknown=1", version="3.30")["volumes"] is not None


def test_an_unknown_marker_is_404(user: Volumes) -> None:
    assert user.refused("GET", f"/volumes?marker={uuid.uuid4()}")[0] == 404


@pytest.mark.parametrize(
    "action",
    [
        {}, {"nothing": None}, {"os-extend": None}, {"os-extend": {"new_size": "x"}}, {"os-extend": {"new_size": 0}},
        {"os-extend": {"new_size": 1}}, {"os-set_bootable": {"bootable": "maybe"}}, {"os-set_bootable": None},
        {"os-attach": {"mountpoint": "/dev/vdb"}}, {"os-attach": {"instance_uuid": "x", "mountpoint": "/dev/vdb"}},
        {"os-detach": {"attachment_id": "x"}}, {"os-detach": {"attachment_id": str(uuid.UUID(int=1))}},
        {"os-begin_detaching": None}, {"os-retype": {"new_type": 5}}, {"os-volume_upload_image": {}},
        {"os-volume_upload_image": {"image_name": "x", "disk_format": "floppy"}}, {"revert": {"snapshot_id": "x"}},
        {"os-update_readonly_flag": {"readonly": []}}, {"os-unset_image_metadata": {"key": "nothing"}},
        {"os-initialize_connection": {"connector": "x"}}, {"os-extend": {"new_size": 2}, "os-reserve": None},
    ],
    ids=lambda action: json.dumps(action)[:50],
)  # fmt: skip
def test_actions_that_cannot_be(user: Volumes, kept: str, action: dict[str, Any]) -> None:
    assert user.refused("POST", f"/volumes/{kept}/action", action)[0] == 400
    assert user.show(kept)["status"] == "available"


@pytest.fixture(scope="module")
def kept(user: Volumes) -> str:
    return user.create()


@pytest.mark.parametrize("action", ["os-reset_status", "os-force_delete", "os-force_detach", "os-migrate_volume"])
def test_what_is_for_administrators(user: Volumes, kept: str, action: str) -> None:
    assert user.refused("POST", f"/volumes/{kept}/action", {action: {}})[0] == 403


def test_the_sdk_and_the_command_find_it_by_its_aliases(cloud: Cloud, admin: Connection) -> None:
    made = admin.block_storage.create_volume(size=1, name="by-sdk")
    found = admin.block_storage.wait_for_status(made, status="available", interval=0.1, wait=20)
    assert admin.block_storage.find_volume("by-sdk", ignore_missing=False).id == found.id
    assert found.id in {one.id for one in admin.block_storage.volumes(details=False, limit=1)}
    admin.block_storage.delete_volume(found)
    admin.block_storage.wait_for_delete(found, interval=0.1, wait=20)

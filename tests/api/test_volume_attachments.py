"""Attachments: as compute uses them, and as older clients do."""

from __future__ import annotations

import uuid

import pytest
from conftest import Cloud
from openstack.connection import Connection
from volume_client import Volumes

CONNECTOR = {"host": "h1", "mountpoint": "/dev/vdb"}


@pytest.fixture(scope="module")
def user(cloud: Cloud) -> Volumes:
    return Volumes(cloud, cloud.new_user())


@pytest.fixture(scope="module")
def root(cloud: Cloud, admin: Connection) -> Volumes:
    return Volumes(cloud, admin)


@pytest.fixture
def server() -> str:
    return str(uuid.uuid4())


def reserve(user: Volumes, volume_id: str, server: str, **more: object) -> str:
    body = {"attachment": {"volume_uuid": volume_id, "instance_uuid": server, **more}}
    attachment_id: str = user.ask("POST", "/attachments", body)["attachment"]["id"]
    return attachment_id


def connect(user: Volumes, attachment_id: str, host: str = "h1") -> dict[str, object]:
    body = {"attachment": {"connector": CONNECTOR | {"host": host}}}
    shown: dict[str, object] = user.ask("PUT", f"/attachments/{attachment_id}", body)["attachment"]
    return shown


def complete(user: Volumes, attachment_id: str) -> None:
    user.ask("POST", f"/attachments/{attachment_id}/action", {"os-complete": None}, status=204)


def test_reserved_connected_completed_detached(user: Volumes, root: Volumes, server: str) -> None:
    volume_id = user.create()
    attachment_id = reserve(user, volume_id, server)
    assert user.show(volume_id)["status"] == "reserved"
    shown = connect(user, attachment_id)
    assert (shown["status"], shown["attach_mode"], user.show(volume_id)["status"]) == ("attaching", "rw", "attaching")
    info = shown["connection_info"]
    assert isinstance(info, dict)
    assert info["driver_volume_type"] == "rbd"
    assert info["image"] == f"volume-{volume_id}"
    assert info["access_mode"] == "rw"
    assert info["store_url"]
    assert user.show(volume_id)["attachments"] == []
    complete(user, attachment_id)
    complete(user, attachment_id)
    volume = user.show(volume_id)
    (listed,) = volume["attachments"]
    assert (volume["status"], listed["server_id"], listed["device"], listed["attachment_id"], listed["host_name"]) == (
        "in-use", server, "/dev/vdb", attachment_id, None,
    )  # fmt: skip
    assert root.show(volume_id)["attachments"][0]["host_name"] == "h1"
    assert user.refused("DELETE", f"/volumes/{volume_id}")[0] == 400
    status, message = user.refused("DELETE", f"/attachments/{attachment_id}")
    assert (status, message) == (409, f"Detach volume from instance {server} using the Compute API")
    assert root.ask("DELETE", f"/attachments/{attachment_id}") == {"attachments": []}
    assert user.show(volume_id)["status"] == "available"
    assert user.refused("GET", f"/attachments/{attachment_id}")[0] == 404
    user.delete(volume_id)


def test_a_volume_is_for_one_server_which_may_move(user: Volumes, root: Volumes, server: str) -> None:
    volume_id = user.create()
    attachment_id = reserve(user, volume_id, server)
    other = {"attachment": {"volume_uuid": volume_id, "instance_uuid": str(uuid.uuid4())}}
    assert user.refused("POST", "/attachments", other)[0] == 400
    connect(user, attachment_id)
    complete(user, attachment_id)
    there = reserve(user, volume_id, server)
    assert user.refused("PUT", f"/attachments/{there}", {"attachment": {"connector": CONNECTOR}})[0] == 409
    connect(user, there, "h2")
    complete(user, there)
    root.ask("DELETE", f"/attachments/{attachment_id}")
    assert user.show(volume_id)["status"] == "in-use"
    root.ask("DELETE", f"/attachments/{there}")
    assert user.show(volume_id)["status"] == "available"
    user.delete(volume_id)


def test_a_reservation_is_taken_back_by_its_owner(user: Volumes, server: str) -> None:
    volume_id = user.create()
    attachment_id = reserve(user, volume_id, server)
    assert user.refused("POST", f"/attachments/{attachment_id}/action", {"os-complete": None})[0] == 400
    user.ask("DELETE", f"/attachments/{attachment_id}")
    assert user.show(volume_id)["status"] == "available"
    user.delete(volume_id)


def test_many_servers_where_the_type_says_so(user: Volumes, root: Volumes) -> None:
    name = f"many-{uuid.uuid4().hex[:6]}"
    kind = root.ask("POST", "/types", {"volume_type": {"name": name, "extra_specs": {"multiattach": "<is> True"}}})
    volume_id = user.create(volume_type=name)
    assert user.show(volume_id)["multiattach"] is True
    attachments = []
    for host in ("h1", "h2"):
        attachments.append(reserve(user, volume_id, str(uuid.uuid4()), connector=CONNECTOR | {"host": host}))
        complete(user, attachments[-1])
    assert len(user.show(volume_id)["attachments"]) == 2
    left = root.ask("DELETE", f"/attachments/{attachments[0]}")["attachments"]
    assert [one["id"] for one in left] == [attachments[1]]
    assert user.show(volume_id)["status"] == "in-use"
    root.ask("DELETE", f"/attachments/{attachments[1]}")
    user.delete(volume_id)
    root.ask("DELETE", f"/types/{kind['volume_type']['id']}", status=202)


def test_a_read_only_volume_is_attached_read_only(user: Volumes, server: str) -> None:
    volume_id = user.create()
    user.act(volume_id, "os-update_readonly_flag", {"readonly": True})
    body = {"os-attach": {"instance_uuid": server, "mountpoint": "/dev/vdb", "mode": "rw"}}
    assert user.refused("POST", f"/volumes/{volume_id}/action", body)[0] == 400
    attachment_id = reserve(user, volume_id, server, mode="rw")
    assert connect(user, attachment_id)["attach_mode"] == "ro"
    user.act(volume_id, "os-unreserve")
    assert user.refused("GET", "/attachments", version="3.26")[0] == 404


def test_the_older_actions(user: Volumes, server: str) -> None:
    volume_id = user.create()
    user.act(volume_id, "os-reserve")
    assert user.refused("POST", f"/volumes/{volume_id}/action", {"os-reserve": None})[0] == 400
    assert user.show(volume_id)["status"] == "attaching"
    user.act(volume_id, "os-unreserve")
    user.act(volume_id, "os-reserve")
    info = user.act(volume_id, "os-initialize_connection", {"connector": CONNECTOR}, status=200)["connection_info"]
    assert (info["driver_volume_type"], info["data"]["image"]) == ("rbd", f"volume-{volume_id}")
    user.act(volume_id, "os-attach", {"instance_uuid": server, "mountpoint": "/dev/vdc"})
    volume = user.show(volume_id)
    assert (volume["status"], volume["attachments"][0]["device"]) == ("in-use", "/dev/vdc")
    assert volume["metadata"] == {"readonly": "False", "attached_mode": "rw"}
    user.act(volume_id, "os-begin_detaching")
    user.act(volume_id, "os-roll_detaching")
    user.act(volume_id, "os-begin_detaching")
    user.act(volume_id, "os-terminate_connection", {"connector": CONNECTOR})
    user.act(volume_id, "os-detach", {"attachment_id": volume["attachments"][0]["attachment_id"]})
    assert user.show(volume_id)["status"] == "available"
    user.delete(volume_id)


def test_a_volume_in_use_is_extended_and_copied_from_3_42_and_3_66_on(user: Volumes, server: str) -> None:
    volume_id = user.create()
    user.act(volume_id, "os-attach", {"instance_uuid": server, "mountpoint": "/dev/vdb"})
    path = f"/volumes/{volume_id}/action"
    assert user.refused("POST", path, {"os-extend": {"new_size": 2}}, version="3.41")[0] == 400
    user.act(volume_id, "os-extend", {"new_size": 2})
    user.wait(volume_id, "in-use")
    body = {"snapshot": {"volume_id": volume_id}}
    assert user.refused("POST", "/snapshots", body, version="3.65")[0] == 400
    assert user.refused("POST", "/snapshots", {"snapshot": {"volume_id": volume_id, "force": False}})[0] == 400
    snapshot_id = user.snapshot(volume_id)
    copy = user.create(source_volid=volume_id, size=2)
    assert user.show(copy)["size"] == 2
    user.act(volume_id, "os-detach")
    user.delete(copy)
    user.delete(snapshot_id, "snapshots")
    user.delete(volume_id)


def test_an_administrator_detaches_by_force(user: Volumes, root: Volumes, server: str) -> None:
    volume_id = user.create()
    attachment_id = reserve(user, volume_id, server, connector=CONNECTOR)
    complete(user, attachment_id)
    assert user.refused("POST", f"/volumes/{volume_id}/action", {"os-detach": None})[0] == 409
    root.act(volume_id, "os-force_detach", {"attachment_id": attachment_id, "connector": None})
    assert user.show(volume_id)["status"] == "available"
    user.delete(volume_id)


def test_lists_of_attachments(user: Volumes, server: str) -> None:
    volume_id = user.create()
    attachment_id = reserve(user, volume_id, server)
    for query in (f"volume_id={volume_id}", f"instance_id={server}", f"status=reserved&volume_id={volume_id}"):
        (one,) = user.ask("GET", f"/attachments?{query}")["attachments"]
        assert one == {"id": attachment_id, "status": "reserved", "instance": server, "volume_id": volume_id}
    (detail,) = user.ask("GET", f"/attachments/detail?volume_id={volume_id}")["attachments"]
    assert detail["attached_at"] == ""
    user.ask("DELETE", f"/attachments/{attachment_id}")
    user.delete(volume_id)

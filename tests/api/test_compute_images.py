"""Images of servers through unmodified clients: what a guest wrote on its disk is in them, and boots again."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest
from conftest import Cloud, Raw
from openstack.connection import Connection
from openstack.exceptions import ConflictException, NotFoundException
from test_compute_servers import create, create_active, wait_for

BASE = b"not much"


def finished(connection: Connection, image_id: str) -> Any:
    return connection.image.wait_for_status(connection.image.get_image(image_id), "active", wait=30, interval=0.1)


def content(connection: Connection, image_id: str) -> bytes:
    data: bytes = connection.image.download_image(image_id).content
    return data


def free(connection: Connection, server: Any) -> Any:
    """The server when nothing is being done for it any more."""
    give_up = time.monotonic() + 30
    while (found := connection.compute.get_server(server.id)).task_state is not None:
        assert time.monotonic() < give_up, f"{server.id} is still {found.task_state}"
        time.sleep(0.05)
    return found


def test_an_image_has_what_the_guest_wrote_and_the_next_guest_goes_on(cloud: Cloud, image: str) -> None:
    user = cloud.new_user()
    server = create_active(user, image)
    user.compute.reboot_server(server, "HARD")
    wait_for(user, server, "ACTIVE")
    made = user.compute.create_server_image(server, "saved", {"purpose": "test"})
    assert user.image.get_image(made.id).name == "saved", "the image can be read at once"
    saved = finished(user, made.id)
    data = content(user, saved.id)
    lines = [line.split() for line in data.decode().splitlines() if line.startswith("QUORATE-GUEST")]
    assert data.startswith(BASE)
    assert [line[1:3] for line in lines] == [[f"boot={n}", f"instance={server.id}"] for n in (1, 2)]
    assert free(user, server).status == "ACTIVE"
    (action,) = [one for one in user.compute.server_actions(server) if one.action == "createImage"]
    events = user.compute.get_server_action(action.request_id, server).events
    assert [(event["event"], event["result"]) for event in events] == [("compute_snapshot_instance", "Success")]

    second = create_active(user, saved.id)
    console = user.compute.get_server_console_output(second)["output"]
    assert f"boot=2 instance={server.id}" in console
    assert f"boot=3 instance={second.id}" in console


def test_the_image_says_what_it_is(cloud: Cloud, image: str) -> None:
    user = cloud.new_user()
    server = create_active(user, image)
    user.compute.stop_server(server)
    wait_for(user, server, "SHUTOFF")
    saved = finished(user, user.compute.create_server_image(server, "größer", {"purpose": "test"}).id)
    assert (saved.name, saved.visibility, saved.owner) == ("größer", "private", user.current_project_id)
    assert (saved.disk_format, saved.container_format, saved.min_disk) == ("raw", "bare", 1)
    said = saved.properties | {"instance_uuid": saved.instance_uuid, "owner_id": saved.owner_id}
    assert {name: said.get(name) for name in ("instance_uuid", "image_type", "base_image_ref", "user_id", "owner_id",
                                              "image_location", "image_state", "boot_roles", "purpose")} == {
        "instance_uuid": server.id, "image_type": "snapshot", "base_image_ref": image, "user_id": user.current_user_id,
        "owner_id": user.current_project_id, "image_location": "snapshot", "image_state": "available",
        "boot_roles": "member,reader", "purpose": "test",
    }  # fmt: skip
    assert free(user, server).status == "SHUTOFF"
    assert [one.id for one in user.image.images(visibility="private")] == [saved.id]


def ask(raw: Raw, server_id: str, body: Any, version: str = "2.1", **headers: str) -> Any:
    sent = {"OpenStack-API-Version": f"compute {version}"} | headers
    return raw("POST", f"/v2.1/servers/{server_id}/action", body, headers=sent)


def test_both_forms_of_the_answer(compute: Raw, admin: Connection, image: str) -> None:
    server = create_active(admin, image)
    old = ask(compute, server.id, {"createImage": {"name": "old"}}, "2.44")
    assert (old.status, old.data) == (202, b"")
    first = old.headers["Location"].rpartition("/images/")[2]
    finished(admin, first)
    free(admin, server)
    new = ask(compute, server.id, {"createImage": {"name": "new", "metadata": {}}}, "2.45")
    assert new.status == 202
    assert "Location" not in new.headers
    finished(admin, json.loads(new.data)["image_id"])


def test_a_repeated_request_makes_one_image(cloud: Cloud, image: str) -> None:
    user = cloud.new_user()
    server = create_active(user, image)
    raw = Raw(cloud.url_of("compute"), user.auth_token)
    key = str(uuid.uuid4())
    answers = [ask(raw, server.id, {"createImage": {"name": "once"}}, "2.45", **{"X-Request-Key": key}) for _ in "123"]
    if answers[0].headers["x-openstack-request-id"] != f"req-{key}":
        pytest.skip("a load balancer is in front, which draws the keys itself")
    assert {answer.status for answer in answers} == {202}
    (image_id,) = {json.loads(answer.data)["image_id"] for answer in answers}
    finished(user, image_id)
    free(user, server)
    again = ask(raw, server.id, {"createImage": {"name": "once"}}, "2.45", **{"X-Request-Key": key})
    assert (again.status, json.loads(again.data)["image_id"]) == (202, image_id)
    assert [one.id for one in user.image.images(visibility="private")] == [image_id]


def test_two_at_once_make_one(cloud: Cloud, image: str) -> None:
    user = cloud.new_user()
    server = create_active(user, image)
    first = user.compute.create_server_image(server, "first")
    try:
        second = [user.compute.create_server_image(server, "second").id]
    except ConflictException:
        second = []
    for image_id in [first.id, *second]:
        finished(user, image_id)
    free(user, server)
    assert len(list(user.image.images(visibility="private"))) == 1 + len(second)


@pytest.mark.parametrize("argument", [
    {}, None, "x", {"name": ""}, {"name": " "}, {"name": "x" * 256}, {"name": None}, {"name": "a", "other": 1},
    {"name": "a", "metadata": []}, {"name": "a", "metadata": {"": "x"}}, {"name": "a", "metadata": {"x": "y" * 256}},
])  # fmt: skip
def test_malformed_requests_are_refused(compute: Raw, admin: Connection, image: str, argument: Any) -> None:
    server = next(iter(admin.compute.servers(details=False, status="ACTIVE")), None) or create_active(admin, image)
    answer = ask(compute, server.id, {"createImage": argument})
    assert answer.status == 400, answer.data
    assert json.loads(answer.data)["badRequest"]["code"] == 400


def test_who_may(cloud: Cloud, admin: Connection, image: str) -> None:
    owner, other = cloud.new_user(), cloud.new_user()
    server = create_active(owner, image)
    with pytest.raises(NotFoundException):
        other.compute.create_server_image(server, "stolen")
    owner.compute.lock_server(server)
    finished(owner, owner.compute.create_server_image(server, "of a locked one").id)


def test_a_server_that_is_deleted_meanwhile_leaves_no_half_made_image(cloud: Cloud, image: str) -> None:
    user = cloud.new_user()
    server = create_active(user, image)
    made = user.compute.create_server_image(server, "too late")
    user.compute.delete_server(server)
    user.compute.wait_for_delete(server, wait=30, interval=0.1)
    give_up = time.monotonic() + 15
    while {one.status for one in user.image.images(visibility="private")} - {"active"}:
        assert time.monotonic() < give_up, f"image {made.id} was left half-made"
        time.sleep(0.1)


def test_a_server_being_built_has_nothing_to_save(admin: Connection, image: str) -> None:
    flavor = admin.compute.create_flavor(name=f"huge-{uuid.uuid4().hex[:6]}", ram=1_000_000, vcpus=1, disk=1)
    server = create(admin, image, flavor_id=flavor.id)
    with pytest.raises(ConflictException, match="Cannot 'createImage'"):
        admin.compute.create_server_image(server, "nothing")
    admin.compute.delete_server(server)


def test_images_in_computes_older_words(compute: Raw, admin: Connection, image: str) -> None:
    old = {"OpenStack-API-Version": "compute 2.35"}
    shown = json.loads(compute("GET", f"/v2.1/images/{image}", headers=old).data)["image"]
    assert (shown["id"], shown["status"], shown["progress"], shown["minDisk"]) == (image, "ACTIVE", 100, 0)
    assert compute("GET", f"/v2.1/images/{image}", headers={"OpenStack-API-Version": "compute 2.36"}).status == 404
    assert compute("GET", f"/v2.1/images/{uuid.uuid4()}", headers=old).status == 404
    server = create_active(admin, image)
    saved = finished(admin, admin.compute.create_server_image(server, "old").id)
    shown = json.loads(compute("GET", f"/v2.1/images/{saved.id}", headers=old).data)["image"]
    assert (shown["server"]["id"], shown["metadata"]["image_type"]) == (server.id, "snapshot")
    assert compute("DELETE", f"/v2.1/images/{saved.id}", headers=old).status == 204
    assert compute("DELETE", f"/v2.1/images/{saved.id}", headers=old).status == 404

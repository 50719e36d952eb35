"""What becomes of volumes: made, copied, grown, set back, given away, deleted; and their data with them."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Cloud
from openstack.connection import Connection
from volume_client import Volumes

#: Volumes become images and images volumes, a gibibyte each: object storage on two cores takes a minute and a half.
pytestmark = pytest.mark.timeout(900)

GIB = 1 << 30


@pytest.fixture(scope="module")
def person(cloud: Cloud) -> Connection:
    return cloud.new_user()


@pytest.fixture(scope="module")
def user(cloud: Cloud, person: Connection) -> Volumes:
    return Volumes(cloud, person)


@pytest.fixture(scope="module")
def root(cloud: Cloud, admin: Connection) -> Volumes:
    return Volumes(cloud, admin)


DATA = os.urandom(1 << 20) + bytes(5 << 20) + os.urandom(4321)


@pytest.fixture(scope="module")
def picture(person: Connection) -> Iterator[str]:
    """A raw image with holes."""
    image = person.image.create_image(name="p", data=DATA, disk_format="raw", container_format="bare", os_distro="x")
    yield image.id
    person.image.delete_image(image)


def upload(person: Connection, user: Volumes, volume_id: str, disk_format: str = "raw", **more: object) -> bytes:
    """The volume's bytes, by way of an image."""
    argument = {"image_name": "up", "disk_format": disk_format, **more}
    said = user.act(volume_id, "os-volume_upload_image", argument)["os-volume_upload_image"]
    assert (said["status"], said["disk_format"], said["image_name"]) == ("uploading", disk_format, "up")
    assert person.image.get_image(said["image_id"]).name == "up", "there at once"
    user.wait(volume_id, "available", seconds=400)  # a gibibyte, through object storage
    image = person.image.get_image(said["image_id"])
    assert image.status == "active"
    data: bytes = person.image.download_image(image).content
    person.image.delete_image(image)
    return data


def test_an_images_data_come_back_out(person: Connection, user: Volumes, picture: str) -> None:
    volume_id = user.create(imageRef=picture)
    shown = user.show(volume_id)
    assert shown["bootable"] == "true"
    assert shown["volume_image_metadata"]["image_id"] == picture
    assert shown["volume_image_metadata"]["os_distro"] == "x"
    data = upload(person, user, volume_id)
    assert (len(data), data[: len(DATA)], any(data[len(DATA) :])) == (GIB, DATA, False)
    user.delete(volume_id)


@pytest.mark.skipif(shutil.which("qemu-img") is None, reason="qemu-img is not installed")
def test_a_volume_as_qcow2_is_what_qemu_takes_it_for(
    person: Connection, user: Volumes, picture: str, tmp_path: Path
) -> None:
    volume_id = user.create(imageRef=picture)
    path, raw = tmp_path / "up.qcow2", tmp_path / "up.raw"
    path.write_bytes(upload(person, user, volume_id, "qcow2"))
    assert path.stat().st_size < 8 << 20, "what is zero is left out"
    subprocess.run(["qemu-img", "convert", "-O", "raw", str(path), str(raw)], check=True)
    assert raw.stat().st_size == GIB
    with raw.open("rb") as out:
        assert out.read(len(DATA)) == DATA
    user.delete(volume_id)


def test_what_an_image_must_be(person: Connection, user: Volumes) -> None:
    pictures = person.image
    queued = pictures.create_image(name="q", disk_format="raw", container_format="bare")
    assert user.refused("POST", "/volumes", {"volume": {"size": 1, "imageRef": queued.id}})[0] == 400
    foreign = pictures.create_image(name="f", data=b"x", disk_format="qcow2", container_format="bare")
    status, message = user.refused("POST", "/volumes", {"volume": {"size": 1, "imageRef": foreign.id}})
    assert status == 400
    assert "unacceptable" in message
    large = pictures.create_image(name="l", data=b"x", disk_format="raw", container_format="bare", min_disk=2)
    assert user.refused("POST", "/volumes", {"volume": {"size": 1, "imageRef": large.id}})[0] == 400
    for image in (queued, foreign, large):
        pictures.delete_image(image)


def test_copies_have_the_data_and_outlive_their_source(person: Connection, user: Volumes, picture: str) -> None:
    source = user.create(imageRef=picture)
    snapshot = user.snapshot(source)
    clone = user.create(snapshot_id=snapshot, size=2)
    copy = user.create(source_volid=source, size=1)
    assert user.show(clone)["bootable"] == user.show(copy)["bootable"] == "true"
    assert user.refused("DELETE", f"/volumes/{source}")[0] == 400
    user.delete(snapshot, "snapshots")
    user.delete(source)
    for volume_id, size in ((clone, 2), (copy, 1)):
        assert user.show(volume_id)["size"] == size
        # What is zero is left out of it; the rest is as it was, in its order.
        assert DATA[: 1 << 20] in upload(person, user, volume_id, "qcow2")
        user.delete(volume_id)


def test_a_volume_goes_with_its_snapshots_in_a_cascade(user: Volumes) -> None:
    source = user.create()
    snapshots = [user.snapshot(source) for _ in range(2)]
    clone = user.create(snapshot_id=snapshots[0])
    user.delete(source, query="?cascade=True")
    for snapshot in snapshots:
        user.wait(snapshot, "gone", "snapshots")
    assert user.show(clone)["status"] == "available"
    user.delete(clone)


def test_sizes_only_grow(user: Volumes) -> None:
    volume_id = user.create(size=2)
    snapshot = user.snapshot(volume_id)
    for wanted in ({"snapshot_id": snapshot, "size": 1}, {"source_volid": volume_id, "size": 1}):
        assert user.refused("POST", "/volumes", {"volume": wanted})[0] == 400
    user.act(volume_id, "os-extend", {"new_size": 3})
    user.wait(volume_id, "available")
    assert user.show(volume_id)["size"] == 3
    status, message = user.refused("POST", f"/volumes/{volume_id}/action", {"os-extend": {"new_size": 2}})
    assert status == 400
    assert "must be greater than current size" in message
    user.delete(volume_id, query="?cascade=true")


def test_a_volume_is_set_back_to_its_latest_snapshot(user: Volumes) -> None:
    volume_id = user.create()
    first, last = user.snapshot(volume_id), user.snapshot(volume_id)
    assert user.refused("POST", f"/volumes/{volume_id}/action", {"revert": {"snapshot_id": first}})[0] == 400
    user.act(volume_id, "revert", {"snapshot_id": last})
    user.wait(volume_id, "available")
    user.act(volume_id, "os-extend", {"new_size": 2})
    user.wait(volume_id, "available")
    assert user.refused("POST", f"/volumes/{volume_id}/action", {"revert": {"snapshot_id": last}})[0] == 400
    user.delete(volume_id, query="?cascade=true")


def test_metadata_are_changed_whole_and_one_by_one(user: Volumes) -> None:
    volume_id = user.create(metadata={"a": "1"})
    path = f"/volumes/{volume_id}/metadata"
    assert user.ask("POST", path, {"metadata": {"b": "2"}}) == {"metadata": {"a": "1", "b": "2"}}
    assert user.ask("PUT", path, {"metadata": {"c": "3"}}) == {"metadata": {"c": "3"}}
    assert user.ask("PUT", f"{path}/d", {"meta": {"d": "4"}}) == {"meta": {"d": "4"}}
    assert user.refused("PUT", f"{path}/d", {"meta": {"e": "4"}})[0] == 400
    user.ask("DELETE", f"{path}/c")
    assert user.refused("DELETE", f"{path}/c")[0] == 404
    assert user.ask("GET", path) == {"metadata": {"d": "4"}}
    tag = user("GET", path).headers["ETag"]
    user.ask("PUT", path, {"metadata": {"f": "5"}}, headers={"If-Match": tag})
    assert user("PUT", path, {"metadata": {"g": "6"}}, headers={"If-Match": tag}).status == 412
    user.delete(volume_id)


def test_lists_are_filtered_sorted_and_paged(cloud: Cloud) -> None:
    user = Volumes(cloud, cloud.new_user())
    ids = [user.create(name=name, metadata={"n": name}) for name in ("b", "a", "c")]

    def names(query: str) -> list[str]:
        return [one["name"] for one in user.ask("GET", f"/volumes/detail?{query}")["volumes"]]

    assert names("") == ["c", "a", "b"]
    assert names("sort=name:asc") == names("sort_key=name&sort_dir=asc") == ["a", "b", "c"]
    assert names("sort=size:asc,name:desc") == ["c", "b", "a"]
    assert names("name=a&status=available") == ["a"]
    assert names("name~=a") == ["a"]
    assert names("metadata={'n':'c'}") == ["c"]
    assert names("limit=0") == []
    assert names("offset=1&sort=name:asc") == ["b", "c"]
    assert names(f"marker={ids[0]}&sort=name:asc") == ["c"]
    assert names("created_at=gt:2020-01-01T00:00:00&sort=name") == ["c", "b", "a"]
    page = user.ask("GET", "/volumes?limit=2&sort=name:asc&with_count=true")
    assert page["count"] == 3
    (link,) = page["volumes_links"]
    assert link["rel"] == "next"
    rest = user.ask("GET", "/" + link["href"].split(f"{user.project_id}/")[1])
    assert [one["name"] for one in rest["volumes"]] == ["c"]
    summary = user.ask("GET", "/volumes/summary")["volume-summary"]
    assert summary == {"total_size": 3, "total_count": 3, "metadata": {"n": ["a", "b", "c"]}}
    for volume_id in ids:
        user.delete(volume_id)


def test_quotas_hold(cloud: Cloud, root: Volumes) -> None:
    user = Volumes(cloud, cloud.new_user())
    path = f"/os-quota-sets/{user.project_id}"
    root.ask("PUT", path, {"quota_set": {"volumes": 1, "gigabytes": 2, "per_volume_gigabytes": 2}})
    status, message = user.refused("POST", "/volumes", {"volume": {"size": 3}})
    assert status == 413
    assert "larger than maximum allowed limit" in message
    volume_id = user.create()
    assert user.refused("POST", "/volumes", {"volume": {"size": 1}})[0] == 413
    user.snapshot(volume_id)
    assert user.refused("POST", f"/volumes/{volume_id}/action", {"os-extend": {"new_size": 2}})[0] == 413
    assert user.show(volume_id)["status"] == "available"
    assert root.refused("PUT", path, {"quota_set": {"gigabytes": 1}})[0] == 400
    usage = user.ask("GET", f"{path}?usage=True")["quota_set"]
    assert usage["gigabytes"] == {"limit": 2, "in_use": 2, "reserved": 0}
    limits = user.ask("GET", "/limits")["limits"]["absolute"]
    assert (limits["totalVolumesUsed"], limits["maxTotalVolumes"], limits["totalGigabytesUsed"]) == (1, 1, 2)
    user.delete(volume_id, query="?cascade=true")
    root.ask("DELETE", path)
    assert user.ask("GET", path) == user.ask("GET", f"{path}/defaults")


def test_a_volume_changes_hands(cloud: Cloud, user: Volumes) -> None:
    taker = Volumes(cloud, cloud.new_user())
    volume_id = user.create()
    snapshot_id = user.snapshot(volume_id)
    offer = user.ask("POST", "/volume-transfers", {"transfer": {"volume_id": volume_id, "name": "n"}}, status=202)
    transfer = offer["transfer"]
    assert user.show(volume_id)["status"] == "awaiting-transfer"
    assert taker.refused("GET", f"/volume-transfers/{transfer['id']}")[0] == 404
    accept = f"/volume-transfers/{transfer['id']}/accept"
    assert taker.refused("POST", accept, {"accept": {"auth_key": "wrong"}})[0] == 400
    taker.ask("POST", accept, {"accept": {"auth_key": transfer["auth_key"]}}, status=202)
    assert taker.show(volume_id)["status"] == "available"
    assert taker.show(snapshot_id, "snapshots")["status"] == "available"
    assert user.refused("GET", f"/volumes/{volume_id}")[0] == 404
    assert taker.refused("POST", accept, {"accept": {"auth_key": transfer["auth_key"]}})[0] == 404
    back = taker.ask("POST", "/os-volume-transfer", {"transfer": {"volume_id": volume_id}}, status=202)["transfer"]
    taker.ask("DELETE", f"/os-volume-transfer/{back['id']}", status=202)
    taker.delete(volume_id, query="?cascade=true")


def test_types_are_made_kept_private_and_asked_of_the_store(cloud: Cloud, user: Volumes, root: Volumes) -> None:
    name = f"t-{uuid.uuid4().hex[:6]}"
    body = {"volume_type": {"name": name, "os-volume-type-access:is_public": False}}
    kind = root.ask("POST", "/types", body)["volume_type"]["id"]
    assert root.refused("POST", "/types", body)[0] == 409
    assert user.refused("POST", "/volumes", {"volume": {"size": 1, "volume_type": name}})[0] == 404
    root.ask("POST", f"/types/{kind}/action", {"addProjectAccess": {"project": user.project_id}}, status=202)
    volume_id = user.create(volume_type=name)
    assert user.show(volume_id)["volume_type"] == name
    assert root.refused("DELETE", f"/types/{kind}")[0] == 400
    user.delete(volume_id)
    root.ask("POST", f"/types/{kind}/extra_specs", {"extra_specs": {"storage_protocol": "smoke"}})
    refused = user.create(volume_type=name, wait="error")
    (message,) = user.ask("GET", f"/messages?resource_uuid={refused}")["messages"]
    assert "storage_protocol=smoke" in message["user_message"]
    user.delete(refused)
    root.ask("DELETE", f"/types/{kind}", status=202)
    default = root.ask("GET", "/types/default")["volume_type"]
    assert root.refused("DELETE", f"/types/{default['id']}")[0] == 400


def test_a_project_may_have_a_default_type_of_its_own(cloud: Cloud, root: Volumes) -> None:
    user, name = Volumes(cloud, cloud.new_user()), f"t-{uuid.uuid4().hex[:6]}"
    kind = root.ask("POST", "/types", {"volume_type": {"name": name}})["volume_type"]["id"]
    root.ask("PUT", f"/default-types/{user.project_id}", {"default_type": {"volume_type": name}})
    assert user.ask("GET", "/types/default")["volume_type"]["name"] == name
    volume_id = user.create()
    assert user.show(volume_id)["volume_type"] == name
    user.delete(volume_id)
    root.ask("DELETE", f"/default-types/{user.project_id}", status=204)
    root.ask("DELETE", f"/types/{kind}", status=202)


def test_administrators_set_and_force(user: Volumes, root: Volumes) -> None:
    volume_id = user.create()
    root.act(volume_id, "os-reset_status", {"status": "error"})
    assert user.show(volume_id)["status"] == "error"
    assert root.refused("POST", f"/volumes/{volume_id}/action", {"os-reset_status": {"status": "in-use"}})[0] == 400
    root.act(volume_id, "os-reset_status", {"status": "maintenance"})
    assert user.refused("DELETE", f"/volumes/{volume_id}")[0] == 400
    root.act(volume_id, "os-force_delete", {})
    user.wait(volume_id, "gone")


def test_flags_and_names(user: Volumes) -> None:
    volume_id = user.create(name=" n ", description="d")
    assert (user.show(volume_id)["name"], user.show(volume_id)["description"]) == ("n", "d")
    user.ask("PUT", f"/volumes/{volume_id}", {"volume": {"name": "m", "description": None}})
    user.act(volume_id, "os-set_bootable", {"bootable": "True"}, status=200)
    user.act(volume_id, "os-update_readonly_flag", {"readonly": True})
    shown = user.show(volume_id)
    assert (shown["name"], shown["description"], shown["bootable"]) == ("m", None, "true")
    assert shown["metadata"] == {"readonly": "True"}
    user.act(volume_id, "os-set_image_metadata", {"metadata": {"os": "y"}}, status=200)
    assert user.act(volume_id, "os-show_image_metadata", None, status=200) == {"metadata": {"os": "y"}}
    user.act(volume_id, "os-unset_image_metadata", {"key": "os"}, status=200)
    assert user.refused("PUT", f"/volumes/{volume_id}", {"volume": {}})[0] == 400
    user.delete(volume_id)

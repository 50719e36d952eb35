"""Images as openstacksdk and the `openstack` command use them, on the whole cloud."""

import hashlib
import os
import uuid
from pathlib import Path

import pytest
from conftest import Cloud
from openstack import exceptions
from openstack.connection import Connection

FORMATS = {"disk_format": "raw", "container_format": "bare"}


@pytest.fixture
def content_file(tmp_path: Path) -> Path:
    path = tmp_path / "disk.raw"
    path.write_bytes(os.urandom(3_000_000))
    return path


def test_a_file_goes_up_and_comes_back(admin: Connection, content_file: Path, tmp_path: Path) -> None:
    with content_file.open("rb") as data:
        made = admin.image.create_image(name=f"i-{uuid.uuid4()}", data=data, **FORMATS)
    made = admin.image.get_image(made.id)
    assert (made.status, made.size) == ("active", 3_000_000)
    assert made.checksum == hashlib.md5(content_file.read_bytes()).hexdigest()
    admin.image.download_image(made, output=str(tmp_path / "back"), stream=True)
    assert (tmp_path / "back").read_bytes() == content_file.read_bytes()
    found = admin.image.find_image(made.name, ignore_missing=False)
    assert found.id == made.id
    admin.image.delete_image(made, ignore_missing=False)
    assert admin.image.find_image(made.name) is None


def test_an_image_goes_in_by_staging_and_import(admin: Connection) -> None:
    made = admin.image.create_image(name=f"i-{uuid.uuid4()}", data=b"staged", use_import=True, **FORMATS)
    made = admin.image.wait_for_status(made, "active", interval=0.1)
    assert made.size == 6
    admin.image.delete_image(made)


def test_updates_tags_and_properties(admin: Connection) -> None:
    made = admin.image.create_image(name=f"i-{uuid.uuid4()}", tags=["one"], colour="red", **FORMATS)
    made = admin.image.get_image(made.id)
    made = admin.image.update_image(made, name="other", min_ram=64, colour="blue", visibility="public")
    assert (made.name, made.min_ram, made.properties["colour"], made.visibility) == ("other", 64, "blue", "public")
    admin.image.add_tag(made.id, "two")
    admin.image.remove_tag(made.id, "one")
    made = admin.image.get_image(made.id)
    assert made.tags == ["two"]
    admin.image.update_image(made, is_protected=True)
    with pytest.raises(exceptions.ForbiddenException):
        admin.image.delete_image(made)
    admin.image.update_image(made, is_protected=False)
    admin.image.delete_image(made, ignore_missing=False)


def test_lists_go_on_over_pages(cloud: Cloud) -> None:
    user = cloud.new_user()
    made = [user.image.create_image(name=f"n{number:02}", **FORMATS).id for number in range(7)]
    mine = {"owner": user.current_project_id}
    assert {image.id for image in user.image.images(limit=2, **mine)} == set(made)
    assert [image.id for image in user.image.images(limit=3, sort="name:asc", **mine)] == made
    assert [image.name for image in user.image.images(name="n03", **mine)] == ["n03"]


def test_sharing_between_projects(cloud: Cloud) -> None:
    owner, member = cloud.new_user(), cloud.new_user()
    image = owner.image.create_image(name="shared", **FORMATS)
    with pytest.raises(exceptions.NotFoundException):
        member.image.get_image(image.id)
    owner.image.add_member(image, member=member.current_project_id)
    assert member.image.get_image(image.id).name == "shared"
    assert not list(member.image.images(visibility="shared"))
    member.image.update_member(member.current_project_id, image, status="accepted")
    assert [shared.id for shared in member.image.images(visibility="shared")] == [image.id]
    assert [one.status for one in owner.image.members(image)] == ["accepted"]
    with pytest.raises(exceptions.ForbiddenException):
        member.image.delete_image(image)


def test_readers_only_read(cloud: Cloud) -> None:
    reader = cloud.new_user("reader")
    assert list(reader.image.images(visibility="private")) == []
    with pytest.raises(exceptions.ForbiddenException):
        reader.image.create_image(name="no", **FORMATS)

"""What one region has and the other can use, and what it can't: images travel, volumes do not."""

import time
import uuid

import openstack
import pytest
from openstack.connection import Connection

from tests.lab.region import Region

pytestmark = pytest.mark.timeout(600)

BYTES = b"the first bytes of a disk\n"


def _connect(region: Region) -> Connection:
    return openstack.connect(cloud="quorate", region_name=region.topology.region)


def _boot(cloud: Connection, name: str, image: str) -> str:
    """The id of a new server that is ACTIVE."""
    flavor = cloud.compute.find_flavor("m1.nano", ignore_missing=False)
    made = cloud.compute.create_server(name=name, image_id=image, flavor_id=flavor.id, networks="none")
    return str(cloud.compute.wait_for_server(made, interval=0.5, wait=120).id)


def test_a_disk_goes_on_in_the_other_region(regions: tuple[Region, Region]) -> None:
    """An image uploaded in one region boots in the other; the snapshot of that server boots in the first again."""
    name = f"travels-{uuid.uuid4().hex[:8]}"
    with _connect(regions[0]) as one, _connect(regions[1]) as two:
        uploaded = one.image.create_image(name=name, data=BYTES, disk_format="raw", container_format="bare")
        try:
            first = _boot(two, name, uploaded.id)
            snapshot = two.create_image_snapshot(f"{name}-disk", first, wait=True, timeout=120)
            said = one.compute.get_server_console_output(_boot(one, f"{name}-again", snapshot.id))["output"]
            boots = [line for line in said.splitlines() if "QUORATE-GUEST" in line]
            assert [line.split()[1] for line in boots] == ["boot=1", "boot=2"], said
            assert ("region=region-two" in boots[0], "region=region-one" in boots[1]) == (True, True), said
        finally:
            for cloud in (one, two):
                for server in list(cloud.compute.servers(name=f"^{name}")):
                    cloud.delete_server(server.id, wait=True)
            for image in list(one.image.images()):
                if str(image.name).startswith(name):
                    one.image.delete_image(image)


def test_a_volume_of_the_other_region_is_refused_with_a_way_out(regions: tuple[Region, Region]) -> None:
    with _connect(regions[0]) as one, _connect(regions[1]) as two:
        volume = two.create_volume(size=1, name="far", wait=True)
        image = one.image.create_image(name="near", data=BYTES, disk_format="raw", container_format="bare")
        server = _boot(one, "near", image.id)
        try:
            with pytest.raises(openstack.exceptions.BadRequestException, match=r"region-two.*image create --volume"):
                one.compute.create_volume_attachment(server, volume_id=volume.id)
        finally:
            one.delete_server(server, wait=True)
            one.image.delete_image(image)
            two.delete_volume(volume.id, wait=True)


def test_an_object_is_in_both_regions_at_once_and_gone_from_both(regions: tuple[Region, Region]) -> None:
    container = f"both-{uuid.uuid4().hex[:8]}"
    with _connect(regions[0]) as one, _connect(regions[1]) as two:
        one.object_store.create_container(container)
        one.object_store.create_object(container, "note", data=BYTES)
        assert two.object_store.download_object("note", container=container) == BYTES
        two.object_store.delete_object("note", container=container)
        give_up = time.monotonic() + 30
        while list(one.object_store.objects(container)) and time.monotonic() < give_up:
            time.sleep(0.2)
        with pytest.raises(openstack.exceptions.NotFoundException):
            one.object_store.download_object("note", container=container)
        one.object_store.delete_container(container)

"""Volumes of another region: refused, with what to do instead, and that works as it is said."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from conftest import Raw
from openstack.connection import Connection
from openstack.exceptions import BadRequestException, NotFoundException
from test_compute_servers import create_active

from tests.second_region import ONE, TWO, TwoRegions


@pytest.fixture(scope="module")
def there(regions: TwoRegions) -> Connection:
    return regions.two.connect()


@pytest.fixture(scope="module")
def volume(there: Connection) -> Any:
    made = there.block_storage.create_volume(size=1, name="far away")
    return there.block_storage.wait_for_status(made, "available", interval=0.1, wait=30)


@pytest.fixture(scope="module")
def server(regions: TwoRegions) -> Any:
    here = regions.one.connect()
    image = here.image.create_image(name="tiny", data=b"not much", disk_format="raw", container_format="bare")
    return create_active(here, image.id)


@pytest.mark.timeout(500)  # a whole GiB goes to the image service and back
def test_a_volume_of_the_other_region_is_refused_with_what_to_do(
    regions: TwoRegions, volume: Any, server: Any, there: Connection, tmp_path: Path
) -> None:
    here = regions.one.connect()
    with pytest.raises(BadRequestException, match="the distance between the regions") as refused:
        here.compute.create_volume_attachment(server, volume_id=volume.id)
    message = str(refused.value)
    assert f"Volume {volume.id} is in {TWO}; a server in {ONE} can't use it" in message
    copy, create = re.findall(r"`(openstack [^`]*)`", message)
    name = f"moved-{uuid.uuid4().hex[:6]}"
    run(copy.replace("NAME", name), regions, tmp_path)
    image = there.image.find_image(name, ignore_missing=False)
    there.image.wait_for_status(image, "active", interval=0.5, wait=200)
    run(create.replace("NAME", name), regions, tmp_path)
    moved = here.block_storage.find_volume(name, ignore_missing=False)
    here.block_storage.wait_for_status(moved, "available", interval=0.5, wait=200)
    here.compute.create_volume_attachment(server, volume_id=moved.id)


def run(command: str, regions: TwoRegions, directory: Path) -> None:
    environment = {**os.environ, "OS_CLIENT_CONFIG_FILE": str(regions.clouds_file(directory)), "OS_CLOUD": "quorate"}
    program, *arguments = command.split()
    done = subprocess.run(
        [str(Path(sys.executable).parent / program), *arguments],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def test_booting_from_it_is_refused_too(regions: TwoRegions, volume: Any) -> None:
    here = regions.one.connect()
    endpoint = here.session.get_endpoint(service_type="compute", interface="public", region_name=ONE)
    raw = Raw(endpoint, here.auth_token)
    device = {"uuid": volume.id, "source_type": "volume", "destination_type": "volume", "boot_index": 0}
    body = {"server": {"name": "far", "flavorRef": "42", "block_device_mapping_v2": [device]}}
    answer = raw("POST", "/servers", body)
    assert answer.status == 400
    assert f"is in {TWO}" in json.loads(answer.data)["badRequest"]["message"]


def test_what_no_region_has_is_not_found(regions: TwoRegions, server: Any) -> None:
    here = regions.one.connect()
    began = time.monotonic()
    with pytest.raises(NotFoundException, match="could not be found"):
        here.compute.create_volume_attachment(server, volume_id=str(uuid.uuid4()))
    assert time.monotonic() - began < 5


def test_others_volumes_are_nobodys(regions: TwoRegions, volume: Any) -> None:
    here = regions.one.new_user()
    admin = regions.one.connect()
    image = admin.image.create_image(
        name="tiny", data=b"not much", disk_format="raw", container_format="bare", visibility="public"
    )
    server = create_active(here, image.id)
    with pytest.raises(NotFoundException, match="could not be found"):
        here.compute.create_volume_attachment(server, volume_id=volume.id)

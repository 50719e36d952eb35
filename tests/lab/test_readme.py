"""The commands that the README and the page on regions tell people to type, run on the lab as they stand there."""

import re
import shlex
import subprocess

import openstack
import pytest

from lab.paths import ROOT
from tests.lab.region import Region
from tests.lab.short_form import long

pytestmark = pytest.mark.timeout(900)

COMMAND = re.compile(r"^(\.venv/bin/[^#\n]*)", re.MULTILINE)
#: On the page on regions: what breaks and mends. The rest is in the README, too.
BREAKING = re.compile(r"^\.venv/bin/quorate (kill|heal|shell|fault)")
SECONDS = 120


def test_the_commands_of_the_readme(regions: tuple[Region, Region], own_course: None) -> None:
    commands = COMMAND.findall((ROOT / "README.md").read_text())
    assert any("migrate-region" in command for command in commands)
    try:
        _run(commands, regions)
    finally:
        _clean_up(regions)


@long
def test_the_commands_that_break_regions(regions: tuple[Region, Region]) -> None:
    commands = COMMAND.findall((ROOT / "docs" / "regions.md").read_text())
    breaking = [command for command in commands if BREAKING.match(command)]
    assert len(breaking) > 5
    _run(breaking, regions)


def test_the_commands_of_the_teacher(region: Region, own_course: None) -> None:
    commands = COMMAND.findall((ROOT / "docs" / "teacher.md").read_text())
    run = [command for command in commands if "pytest" not in command]
    assert any("grade" in command for command in run)
    try:
        _run(run, (region,))
    finally:
        (ROOT / "exercises-ada.json").unlink(missing_ok=True)


def _run(commands: list[str], regions: tuple[Region, ...]) -> None:
    for command in commands:
        words = shlex.split(command)
        seconds = SECONDS * regions[0].slow
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)
        said = f"{command}\n{done.stdout}{done.stderr}"
        assert (done.returncode, "Traceback" in said) == (0, False), said + _what_there_is()
        if words[1] == "heal":
            for region in regions:
                region.wait_redundant(SECONDS)


def _what_there_is() -> str:
    """All volumes and servers, to find out by."""
    with openstack.connect(cloud="quorate") as cloud:
        volumes = [f"{one.id} {one.name} {one.status} {one.created_at}" for one in cloud.block_storage.volumes()]
        servers = [f"{one.id} {one.name} {one.status} {one.created_at}" for one in cloud.compute.servers()]
    return "\n".join(["volumes:", *volumes, "servers:", *servers])


def _clean_up(regions: tuple[Region, Region]) -> None:
    subprocess.run([".venv/bin/quorate", "fault", "wan", "heal"], cwd=ROOT, check=True, timeout=SECONDS)
    for region in regions:
        region.heal()
        region.wait_redundant(SECONDS)
        with openstack.connect(cloud="quorate", region_name=region.topology.region) as cloud:
            for server in cloud.compute.servers(name="^first$"):
                cloud.delete_server(server.id, wait=True)
            for volume in cloud.block_storage.volumes(name="data"):
                cloud.delete_volume(volume.id, wait=True)
    with openstack.connect(cloud="quorate") as cloud:
        for image in cloud.image.images(name="demo"):
            cloud.image.delete_image(image)
        made = [container.name for container in cloud.object_store.containers()]
        for row in cloud.object_store.objects("box") if "box" in made else ():
            cloud.object_store.delete_object(row.name, container="box")
        cloud.object_store.delete_container("box", ignore_missing=True)

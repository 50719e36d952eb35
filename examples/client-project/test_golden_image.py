"""How the team tests it: each test has a project of its own, on a cloud that is up in seconds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import openstack
import pytest
from golden_image import boot, publish


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    file = tmp_path / "golden.raw"
    file.write_bytes(b"golden" * 1000)
    return file


def test_a_server_boots_from_the_image(quorate_project, disk):
    cloud = quorate_project.connect()
    image = publish(cloud, "golden", disk)
    server = boot(cloud, "golden", "web")
    assert (server.status, server.image.id) == ("ACTIVE", image.id)


def test_the_next_test_begins_with_nothing(quorate_project):
    cloud = quorate_project.connect()
    assert list(cloud.compute.servers()) == []
    assert list(cloud.image.images(owner=quorate_project.id)) == []


def test_a_newer_image_hides_the_older(quorate_project, disk):
    cloud = quorate_project.connect()
    publish(cloud, "golden", disk)
    newer = publish(cloud, "golden", disk)
    assert [image.id for image in cloud.image.images(name="golden")] == [newer.id]


def test_the_administrator_sees_the_server(quorate_project, quorate_clouds_file, disk):
    with openstack.connect(cloud="project") as project, openstack.connect(cloud="admin") as admin:
        publish(project, "golden", disk)
        server = boot(project, "golden", "web")
        assert server.id in [each.id for each in admin.compute.servers(all_projects=True)]


def test_it_works_as_a_command(quorate_project, disk):
    command = [sys.executable, Path(__file__).with_name("golden_image.py")]
    environment = quorate_project.environment
    done = subprocess.run(command, cwd=disk.parent, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "ACTIVE\n"), done.stderr


def test_it_works_while_the_database_moves(quorate_project, quorate_faults, disk):
    cloud = quorate_project.connect()
    publish(cloud, "golden", disk)
    quorate_faults.kill("galera:writer", "lb:active")
    assert boot(cloud, "golden", "web").status == "ACTIVE"

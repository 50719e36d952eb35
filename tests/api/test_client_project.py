"""The pytest plugin as its users run it: the example project, and one that leaves behind all that it can."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.cloud import ROOT, Cloud

EXAMPLE = ROOT / "examples" / "client-project"

HOSTILE = '''
"""Everything that a project can own is left behind; the last test fails."""

import os
import openstack
import pytest


@pytest.fixture
def connection(quorate_project):
    return quorate_project.connect()


@pytest.mark.parametrize("turn", [1, 2])
def test_what_one_leaves_the_other_does_not_see(connection, turn):
    compute, volume, image = connection.compute, connection.block_storage, connection.image
    assert [*compute.servers(), *compute.keypairs(), *volume.volumes(), *volume.snapshots()] == []
    assert list(image.images(owner=connection.current_project_id)) == []
    picture = image.create_image(name="one", data=b"x", disk_format="raw", container_format="bare")
    image.update_image(picture, is_protected=True, is_hidden=turn == 1)
    compute.create_keypair(name="key")
    disk, offered = (volume.create_volume(name=name, size=1) for name in ("disk", "offered"))
    volume.wait_for_status(disk, interval=0.05)
    volume.wait_for_status(offered, interval=0.05)
    volume.create_snapshot(volume_id=disk.id, name="snap", force=True)
    volume.create_transfer(volume_id=offered.id, name="transfer")
    flavor = compute.find_flavor("m1.nano")
    server = compute.create_server(name="s", image_id=picture.id, flavor_id=flavor.id, networks="none")
    server = compute.wait_for_server(server, interval=0.05)
    compute.create_volume_attachment(server, volume_id=disk.id)
    compute.lock_server(server)
    compute.create_server(name="still-building", image_id=picture.id, flavor_id=flavor.id, networks="none")


def test_a_project_that_was_taken_from_its_user(quorate_cloud, quorate_project, connection):
    connection.block_storage.create_volume(name="disk", size=1)
    identity = quorate_cloud.admin.identity
    identity.update_user(quorate_project.user_id, is_enabled=False)
    identity.update_project(quorate_project.id, is_enabled=False)


def test_a_project_that_its_test_removed(quorate_cloud, quorate_project):
    quorate_cloud.connect().identity.delete_project(quorate_project.id)


def test_both_entries(quorate_clouds_file, quorate_project, quorate_cloud):
    assert quorate_clouds_file.stat().st_mode & 0o777 == 0o600
    with openstack.connect(cloud="admin") as admin, openstack.connect(cloud="project") as project:
        assert admin.current_project.name == quorate_cloud.cloud_config["auth"]["project_name"]
        assert project.current_project_id == quorate_project.id
    assert not quorate_cloud.is_embedded


def test_the_environment_is_itself_again():
    assert os.environ["OS_CLIENT_CONFIG_FILE"].endswith("usual.yaml")


def test_faults(quorate_faults):
    pass


def test_that_fails(connection):
    connection.block_storage.create_volume(name="disk", size=1)
    raise ZeroDivisionError
'''


def run(directory: Path, *options: str, **environment: str) -> tuple[int, str]:
    """A run of pytest with this plugin and no other; its exit code and its words."""
    alone = {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "240"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "quorate_pytest.plugin", "-p", "no:cacheprovider", *options],
        cwd=directory, env=kept | alone | environment, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose tests leave things behind, with warnings as errors as in the example."""
    shutil.copy(EXAMPLE / "pytest.ini", tmp_path)
    (tmp_path / "test_hostile.py").write_text(HOSTILE)
    return tmp_path


def test_the_example_runs_on_a_cloud_of_its_own(tmp_path: Path) -> None:
    directory = shutil.copytree(EXAMPLE, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__"))
    code, said = run(directory)
    assert code == 0, said
    assert "5 passed, 1 skipped in" in said
    assert re.search("SKIPPED.*quorate_faults needs the running lab: an embedded cloud has no parts", said)


def test_tests_do_not_see_each_other_and_leave_nothing(
    project: Path, cloud: Cloud, pytestconfig: pytest.Config
) -> None:
    usual = project / "usual.yaml"
    auth = {
        "auth_url": cloud.auth_url, "username": cloud.username, "password": cloud.password,
        "project_name": cloud.project, "user_domain_name": cloud.domain, "project_domain_name": cloud.domain,
    }  # fmt: skip
    usual.write_text(yaml.safe_dump({"clouds": {"here": {"auth": auth, "region_name": cloud.region}}}))
    code, said = run(project, QUORATE_CLOUD="here", OS_CLIENT_CONFIG_FILE=str(usual))
    assert code == 1, said
    if pytestconfig.getoption("--cloud"):  # the lab, whose parts can be broken
        assert "1 failed, 7 passed in" in said, said
    else:
        assert "1 failed, 6 passed, 1 skipped in" in said, said
        assert re.search("SKIPPED.*quorate_faults needs the running lab: ", said)
    with cloud.connect() as admin:
        assert [each.name for each in admin.identity.projects() if each.name.startswith("test-")] == []
        assert [each.name for each in admin.identity.users() if each.name.startswith("test-")] == []
        assert "still-building" not in {each.name for each in admin.compute.servers(all_projects=True)}
        assert not {"disk", "offered"} & {each.name for each in admin.block_storage.volumes(all_projects=True)}


def test_a_cloud_that_nobody_knows_is_one_line(project: Path) -> None:
    (project / "usual.yaml").write_text("clouds: {}\n")
    code, said = run(
        project, "--quorate-cloud", "nowhere", "-k", "both", OS_CLIENT_CONFIG_FILE=str(project / "usual.yaml")
    )
    assert code == 1
    assert re.search("ERROR .*has a cloud 'nowhere'; `make up` writes `quorate`", said), said
    assert "Traceback" not in said


def test_a_cloud_ends_with_whoever_started_it(tmp_path: Path) -> None:
    program = """
import os, signal, sys
from pathlib import Path
from lab.dev import embedded_cloud
with embedded_cloud({**os.environ, "QUORATE_BASE_PORT": "0"}, Path(sys.argv[1])) as (_, child):
    print(child.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    command = [sys.executable, "-c", program, str(tmp_path / "log")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    give_up = time.monotonic() + 30
    while _is_embedded_cloud(int(done.stdout)):
        assert time.monotonic() < give_up, "the cloud outlives the process that started it"
        time.sleep(0.05)


def _is_embedded_cloud(process: int) -> bool:
    try:
        return b"services.assembly.embedded" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False

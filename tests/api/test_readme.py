"""The `openstack` commands that the README tells people to type, run as they stand there, in that order."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import yaml

from tests.cloud import ROOT, Cloud

#: Commands for what an embedded cloud has not.
CONTAINERS_ONLY = re.compile(r" quorate (container|object) ")
COMMAND = re.compile(r"^\.venv/bin/openstack --os-cloud quorate .*$", re.MULTILINE)


def test_the_commands_of_the_readme(cloud: Cloud, tmp_path: Path) -> None:
    commands = COMMAND.findall((ROOT / "README.md").read_text())
    if cloud.ours:
        commands = [command for command in commands if not CONTAINERS_ONLY.search(command)]
    assert len(commands) >= 4
    entry = {
        "auth": {
            "auth_url": cloud.auth_url,
            "username": cloud.username,
            "password": cloud.password,
            "project_name": cloud.project,
            "user_domain_name": cloud.domain,
            "project_domain_name": cloud.domain,
        },
        "region_name": cloud.region,
        "identity_api_version": 3,
    }
    clouds = tmp_path / "clouds.yaml"
    clouds.write_text(yaml.safe_dump({"clouds": {"quorate": entry}}))
    environment = {**os.environ, "OS_CLIENT_CONFIG_FILE": str(clouds)}
    try:
        for command in commands:
            done = subprocess.run(
                command.split(), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    finally:
        admin = cloud.connect()
        if not cloud.ours:
            admin.object_store.delete_object("README.md", container="box")
            admin.object_store.delete_container("box")
        for server in admin.compute.servers(name="^first$"):
            admin.compute.delete_server(server)
        for image in admin.image.images(name="demo"):
            admin.image.delete_image(image)

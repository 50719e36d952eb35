"""The `openstack` commands that the README tells people to type, run as they stand there, in that order."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import yaml

from tests.cloud import ROOT, Cloud

#: What only the whole lab has: object storage, a second region. `tests/lab/test_readme.py` runs all commands there.
LAB_ONLY = re.compile(r" quorate (container|object) |--os-region-name")
COMMAND = re.compile(r"^\.venv/bin/openstack --os-cloud quorate .*$", re.MULTILINE)


def test_the_commands_of_the_readme(cloud: Cloud, tmp_path: Path) -> None:
    commands = [each for each in COMMAND.findall((ROOT / "README.md").read_text()) if not LAB_ONLY.search(each)]
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
        for server in admin.compute.servers(name="^first$"):
            admin.delete_server(server.id, wait=True)
        for volume in admin.block_storage.volumes(name="data"):
            admin.delete_volume(volume.id, wait=True)
        for image in admin.image.images(name="demo"):
            admin.image.delete_image(image)

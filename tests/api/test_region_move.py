"""`quorate migrate-region` on two regions, as it is typed; killed in the middle and run again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from openstack.connection import Connection
from test_compute_servers import create_active

from tests.cloud import ROOT
from tests.second_region import TWO, TwoRegions

COMMAND = [sys.executable, "-c", "from lab.cli import main; main()", "migrate-region"]


def environment(regions: TwoRegions, directory: Path) -> dict[str, str]:
    clouds = str(regions.clouds_file(directory))
    return {**os.environ, "OS_CLIENT_CONFIG_FILE": clouds, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}


def quorate(regions: TwoRegions, directory: Path, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [*COMMAND, *arguments], env=environment(regions, directory), capture_output=True, text=True, timeout=100,
        check=False, cwd=ROOT,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def new_server(here: Connection) -> Any:
    image = here.image.create_image(
        name=f"system-{uuid.uuid4().hex[:6]}", data=b"an operating system", disk_format="raw", container_format="bare"
    )
    return create_active(here, image.id, metadata={"role": "front"})


def check_moved(there: Connection, server: Any) -> None:
    (moved,) = there.compute.servers(name=f"^{server.name}$")
    assert (moved.status, moved.metadata["role"], moved.flavor.name) == ("ACTIVE", "front", "m1.nano")
    console = there.compute.get_server_console_output(moved)["output"]
    lines = [line.split()[1:3] for line in console.splitlines() if line.startswith("QUORATE-GUEST")]
    assert lines == [["boot=1", f"instance={server.id}"], ["boot=2", f"instance={moved.id}"]]
    assert "region=region-two" in console
    there.compute.delete_server(moved)


@pytest.mark.timeout(300)
def test_a_server_moves_with_its_disk(regions: TwoRegions, tmp_path: Path) -> None:
    here, there = regions.one.connect(), regions.two.connect()
    server = new_server(here)
    code, said = quorate(regions, tmp_path, server.name, "--to", TWO)
    assert code == 0, said
    for sentence in ("Stop the server", "Read the image in the other region", "Check that its disk went on"):
        assert f"✓ {sentence}" in said
    assert f"{server.name} is ACTIVE in {TWO}" in said
    assert here.compute.find_server(server.id) is None
    assert [image for image in here.image.images() if image.name.startswith(server.name)] == []
    again, _ = quorate(regions, tmp_path, server.name, "--to", TWO)
    assert again == 0, "a second run finds everything done"
    check_moved(there, server)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("killed_at", ["Stop the server", "Fill the image", "Boot it", "Delete the old server"])
def test_killed_and_run_again(regions: TwoRegions, tmp_path: Path, killed_at: str) -> None:
    here, there = regions.one.connect(), regions.two.connect()
    server = new_server(here)
    with subprocess.Popen(
        [*COMMAND, server.id, "--to", TWO], env=environment(regions, tmp_path), stdout=subprocess.PIPE, text=True,
        cwd=ROOT,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        give_up = time.monotonic() + 90
        for line in process.stdout:
            assert time.monotonic() < give_up
            if line.startswith(f"... {killed_at}"):
                process.kill()
                break
    code, said = quorate(regions, tmp_path, server.id, "--to", TWO)
    assert code == 0, said
    check_moved(there, server)


@pytest.mark.timeout(300)
def test_taken_back_and_refused(regions: TwoRegions, tmp_path: Path) -> None:
    here = regions.one.connect()
    server = new_server(here)
    code, said = quorate(regions, tmp_path, server.name, "--to", "region-nine")
    assert (code, said.count("\n")) == (2, 1), said
    assert "There is no region region-nine; there are region-one, region-two." in said
    code, said = quorate(regions, tmp_path, server.name, "--to", TWO, "--flavor", "none")
    assert code == 8
    assert "There is no flavor none in region-two" in said
    here.compute.set_server_metadata(server, **{"quorate:move": TWO, "quorate:move_status": "ACTIVE"})
    here.compute.stop_server(server)
    here.compute.wait_for_server(here.compute.get_server(server.id), "SHUTOFF", wait=30, interval=0.1)
    code, said = quorate(regions, tmp_path, server.name, "--to", TWO, "--abort")
    assert code == 0, said
    found = here.compute.get_server(server.id)
    assert (found.status, found.metadata) == ("ACTIVE", {"role": "front"})
    here.compute.delete_server(server)

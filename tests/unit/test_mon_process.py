"""`python -m storage.mon` beside a real etcd: it serves, ends in good order, and says which setting is wrong."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from storage.client.cluster import Cluster
from tests.ports import free_port
from tests.unit import etcd_server


def start(**settings: str) -> subprocess.Popen[str]:
    variables = {f"QUORATE_{name.upper()}": value for name, value in settings.items()}
    return subprocess.Popen(
        [sys.executable, "-m", "storage.mon"], env={**os.environ, **variables}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip


async def ask(address: str, command: str, **arguments: Any) -> Any:
    cluster = Cluster([address], deadline=15.0)
    await cluster.start()
    try:
        return await cluster.command(command, arguments)
    finally:
        await cluster.stop()


@pytest.mark.slow
def test_it_keeps_its_maps_in_etcd_and_ends_when_told(tmp_path: Path) -> None:
    with etcd_server.running(tmp_path / "etcd") as etcd:
        for expected in (1, 2):
            address = f"127.0.0.1:{free_port()}"
            process = start(name="mon1", listen=address, etcd=f"127.0.0.1:{etcd.port}", fsid="f", monitors=address)
            try:
                assert asyncio.run(ask(address, "pool create", pool=f"p{expected}")) == expected
                status = asyncio.run(ask(address, "status"))
                assert (status["fsid"], status["pools"], status["monitors"]) == ("f", expected, {address: True})
                process.send_signal(signal.SIGTERM)
                assert process.wait(5) == 0
            finally:
                process.kill()
                _, errors = process.communicate(timeout=5)
            assert "Traceback" not in errors


def test_a_setting_that_is_wrong_is_named() -> None:
    process = start(rank="first")
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 2
    assert errors.startswith("QUORATE_RANK: ")
    assert errors.count("\n") == 1

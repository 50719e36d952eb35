"""One real etcd for tests, with its data in a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.mon.etcd_store import EtcdMapStore
from storage.mon.map_store import MapStoreUnavailable
from tests.ports import free_port

DEADLINE = 20.0


def etcd_binary() -> str:
    """Skips the test where there is none, except in continuous integration."""
    binary = shutil.which("etcd")
    if binary is None:
        if os.environ.get("CI"):
            pytest.fail("etcd is missing: install Debian's etcd-server")
        pytest.skip("there is no etcd here (Debian's etcd-server)")
    return binary


class Etcd:
    """A member that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._binary = folder, etcd_binary()
        self.port, self._peers = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        client, peer = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{self._peers}"
        command = [
            self._binary, "--data-dir", str(self._folder),
            "--listen-client-urls", client, "--advertise-client-urls", client,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}",
            "--log-level", "error", "--unsafe-no-fsync",
        ]  # fmt: skip
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + DEADLINE
        while True:
            try:
                EtcdMapStore("127.0.0.1", self.port, "probe").newest()
                return
            except MapStoreUnavailable:
                if time.monotonic() > until or self._process.poll() is not None:
                    raise
                time.sleep(0.05)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None


@contextmanager
def running(folder: Path) -> Iterator[Etcd]:
    etcd = Etcd(folder)
    etcd.start()
    try:
        yield etcd
    finally:
        etcd.kill()

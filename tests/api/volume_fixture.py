"""Volume replicas without the rest of the cloud, with tokens that say whose they are (`member-p`)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx2
from image_fixture import SpokenTokens

from services.platform.broker import Broker
from services.platform.database import Transactor
from services.platform.hints import Hints
from services.platform.server import serve
from services.platform.service_token import ServiceToken
from services.platform.settings import read_settings
from services.platform.worker import Worker
from services.volume.app import build_app, parts
from services.volume.bootstrap import bootstrap
from services.volume.images import Images
from services.volume.settings import VolumeSettings
from tests.ports import free_port

ROOT = Path(__file__).parents[2]


class SpokenServiceToken:
    """The service's own token, where tokens are what they say."""

    def get(self) -> str:
        return "admin-service"

    def forget(self, token: str) -> None:
        """It does not end."""


@dataclass
class VolumeReplica:
    """One replica: a process."""

    process: subprocess.Popen[bytes]
    url: str

    def client(self, project: str = "p") -> httpx2.Client:
        headers = {"X-Auth-Token": f"member-{project}", "OpenStack-API-Version": "volume 3.67"}
        return httpx2.Client(base_url=f"{self.url}/v3/{project}", headers=headers, timeout=20)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def volume_replica(directory: Path, name: str, image_url: str, **settings: Any) -> Iterator[VolumeReplica]:
    """A replica over the database and the store in `directory`; several may share them."""
    chosen = {
        "name": name, "database_url": f"sqlite:///{directory}/volume.sqlite", "store_url": f"file://{directory}/store",
        "listen": "127.0.0.1", "port": free_port(), "image_url": image_url, "log_level": "WARNING",
        "lease_seconds": 0.6, "orphan_seconds": 1.0, **settings,
    }  # fmt: skip
    environment = {f"QUORATE_{key.upper()}": str(value) for key, value in chosen.items()}
    paths = f"{ROOT}:{Path(__file__).parent}"
    process = subprocess.Popen(
        [sys.executable, __file__], env={**os.environ, "PYTHONPATH": paths, **environment}
    )  # fmt: skip
    running = VolumeReplica(process, f"http://127.0.0.1:{chosen['port']}")
    try:
        _wait_until_it_serves(running)
        yield running
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(20)


def _wait_until_it_serves(running: VolumeReplica) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            if httpx2.get(running.url + "/healthcheck").status_code == 200:
                return
        except httpx2.TransportError:
            pass
        assert time.monotonic() < deadline, "the replica did not serve within 20 s"
        assert running.process.poll() is None, "the replica ended"
        time.sleep(0.05)


def _main() -> None:
    settings = read_settings(VolumeSettings)
    transactor, broker = Transactor(settings.database_url), Broker(settings.broker_url)
    bootstrap(transactor)
    images, hints = Images(settings.image_url, cast(ServiceToken, SpokenServiceToken())), Hints(broker)
    running = Worker(parts(settings, transactor, broker, images))
    running.start()
    serve(build_app(settings, transactor, hints, images, SpokenTokens()), settings)
    running.stop()


if __name__ == "__main__":
    _main()

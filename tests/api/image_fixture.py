"""Image replicas without the rest of the cloud, with tokens that say whose they are (`member-p`)."""

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
from typing import Any

import httpx2

from services.image import bootstrap
from services.image.app import build_app, sweeper
from services.image.settings import ImageSettings
from services.platform.context import Access
from services.platform.database import Transactor
from services.platform.faults import Unauthorized
from services.platform.server import serve
from services.platform.settings import read_settings
from tests.ports import free_port

ROOT = Path(__file__).parents[2]


class SpokenTokens:
    """The token `<role>-<project>` belongs to a user with that role on that project."""

    def cached(self, token: str) -> Access | None:
        role, _, project = token.partition("-")
        if role not in ("admin", "member", "reader"):
            return None
        return Access(
            user_id=f"user-{token}",
            user_name=token,
            user_domain_id="default",
            project_id=project,
            project_name=project,
            project_domain_id="default",
            domain_id=None,
            system=False,
            roles=frozenset({role}),
            expires_at=time.time() + 3600,
        )

    def validate(self, token: str) -> Access:
        access = self.cached(token)
        if access is None:
            raise Unauthorized
        return access


@dataclass
class Replica:
    """One replica: a process."""

    process: subprocess.Popen[bytes]
    url: str

    def client(self, token: str) -> httpx2.Client:
        return httpx2.Client(base_url=self.url, headers={"X-Auth-Token": token}, timeout=20)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def peak_memory(self) -> int:
        """The most memory that it has ever had resident, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


@contextmanager
def replica(directory: Path, **settings: Any) -> Iterator[Replica]:
    """A replica over the database and the data in `directory`; several may share one."""
    chosen = {"database_url": f"sqlite:///{directory}/image.sqlite", "data_dir": directory, "listen": "127.0.0.1"}
    chosen |= {"log_level": "WARNING", "port": free_port(), **settings}
    environment = {f"QUORATE_{name.upper()}": str(value) for name, value in chosen.items()}
    command = [sys.executable, __file__]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT), **environment})
    running = Replica(process, f"http://127.0.0.1:{chosen['port']}")
    try:
        _wait_until_it_serves(running)
        yield running
    finally:
        process.terminate()
        process.wait(10)


def _wait_until_it_serves(running: Replica) -> None:
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


def wait_for(condition: Any, what: str, seconds: float = 10) -> Any:
    """The first true value of `condition()`."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)
    return value


def _main() -> None:
    settings = read_settings(ImageSettings)
    transactor = Transactor(settings.database_url)
    bootstrap.upgrade(transactor.engine)
    app = build_app(settings, transactor, SpokenTokens())
    sweeper(app).start()
    serve(app, settings)


if __name__ == "__main__":
    _main()

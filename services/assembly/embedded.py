"""The whole cloud in one process: the same services on SQLite, kombu's in-memory transport, local files, fake hosts.

`python -m services.assembly.embedded` serves until SIGTERM or SIGINT. When every service answers, one line of JSON
with their addresses and the administrator's password is printed on standard output (and left in a file, if asked).
With `--with-stdin` it ends with its standard input too: whoever holds the other end takes it along, however it dies.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from services.assembly.bootstrap import BootstrapSettings, run
from services.compute.agent import app as agent
from services.compute.api import app as compute_api
from services.compute.conductor import app as conductor
from services.compute.scheduler import app as scheduler
from services.compute.settings import ComputeSettings
from services.identity import app as identity
from services.identity.settings import IdentitySettings
from services.image import app as image
from services.image.settings import ImageSettings
from services.platform.broker import Broker
from services.platform.database import Transactor
from services.platform.hints import Hints
from services.platform.logs import configure_logging
from services.platform.server import uvicorn_config
from services.platform.settings import Settings, read_settings
from services.platform.tokens import IdentityTokens, TokenCache
from services.platform.worker import Part, Worker
from services.volume import app as volume
from services.volume.settings import VolumeSettings
from storage.embedded import EmbeddedThread

HOST = "127.0.0.1"


class EmbeddedSettings(Settings, frozen=True, kw_only=True):
    """What can be chosen of an embedded cloud."""

    #: The first of four ports: identity, image, compute, volume. 0 takes free ones.
    base_port: int = 0
    #: Where databases, images and guests are kept; empty: in a temporary directory that goes with the process.
    state_dir: str = ""
    admin_password: str = ""
    hosts: int = 3
    boot_seconds: float = 0.05
    log_level: str = "WARNING"


def listen(port: int) -> socket.socket:
    """A listening socket on loopback; port 0 takes a free one. Raises OSError where the port is taken."""
    # With the protocol named, asyncio turns Nagle's algorithm off; without, each answer on a connection that is kept
    # alive waits 40 ms for an acknowledgement.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    listener.listen(128)
    return listener


def kept_secret(path: Path) -> str:
    """A password that stays the same for as long as the state is kept."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(12))
    return path.read_text()


@dataclass
class Embedded:
    """An embedded cloud that has been composed; `start` and `stop` it, or `run` it until a signal."""

    settings: EmbeddedSettings
    state: Path
    admin_password: str = field(init=False)
    urls: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        base = self.settings.base_port
        names = ("identity", "image", "compute", "volume")
        self._sockets = {name: listen(base + offset if base else 0) for offset, name in enumerate(names)}
        self.urls = {name: f"http://{HOST}:{sock.getsockname()[1]}" for name, sock in self._sockets.items()}
        self.admin_password = self.settings.admin_password or kept_secret(self.state / "admin-password")
        self._broker = Broker("memory://")
        self._blocks = EmbeddedThread(self.state / "storage")
        self._blocks.start()
        self._hints = Hints(self._broker)
        self._service_password = kept_secret(self.state / "service-password")
        self._bootstrap()
        apps = self._compose()
        self._servers = {name: uvicorn.Server(uvicorn_config(app, HOST, 0)) for name, app in apps.items()}
        self._worker = Worker(self._parts(apps["image"]))
        self._thread = threading.Thread(target=self._serve, name="http", daemon=True)

    def _database(self, name: str) -> str:
        return f"sqlite:///{self.state}/{name}.sqlite"

    def _bootstrap(self) -> None:
        values = {
            "region": self.settings.region,
            "admin_password": self.admin_password,
            "service_password": self._service_password,
        }
        for name, url in self.urls.items():
            values |= {f"public_{name}_url": url, f"internal_{name}_url": url}
            values[f"{name}_database_url"] = self._database(name)
        run(read_settings(BootstrapSettings, **values))

    def _common(self) -> dict[str, object]:
        return {
            "region": self.settings.region,
            "identity_url": self.urls["identity"],
            "image_url": self.urls["image"],
            "data_dir": self.state,
        }

    def _compute(self, name: str, **more: object) -> ComputeSettings:
        own = {"name": name, "boot_seconds": self.settings.boot_seconds, "service_password": self._service_password}
        values = self._common() | {"volume_url": self.urls["volume"]} | own | more
        return read_settings(ComputeSettings, **values)

    def _volume(self) -> VolumeSettings:
        own = {"name": "volume1", "store_url": self._blocks.url, "service_password": self._service_password}
        values = self._common() | own
        return read_settings(VolumeSettings, **values)

    def _compose(self) -> dict[str, FastAPI]:
        tokens = IdentityTokens(self.urls["identity"], TokenCache(self.settings.token_cache_seconds))
        self._compute_database = Transactor(self._database("compute"))
        self._volume_database = Transactor(self._database("volume"))
        self._volume_images = volume.image_client(self._volume())
        return {
            "identity": identity.build_app(
                read_settings(IdentitySettings, **self._common()), Transactor(self._database("identity"))
            ),
            "image": image.build_app(
                read_settings(ImageSettings, **self._common()), Transactor(self._database("image")), tokens
            ),
            "compute": compute_api.build_app(
                self._compute("compute-api1"), self._compute_database, self._broker, self._hints, tokens
            ),
            "volume": volume.build_app(self._volume(), self._volume_database, self._hints, self._volume_images, tokens),
        }

    def _parts(self, image_app: FastAPI) -> Sequence[Part]:
        database, broker, hints = self._compute_database, self._broker, self._hints
        parts: list[Part] = [image.sweeper(image_app)]
        parts += scheduler.parts(self._compute("scheduler1"), database, broker, hints)
        parts += conductor.parts(self._compute("conductor1"), database, broker, hints)
        for number in range(1, self.settings.hosts + 1):
            name = f"compute{number}"
            parts += agent.parts(self._compute(name, data_dir=self.state / name), broker, hints)
        parts += volume.parts(self._volume(), self._volume_database, broker, self._volume_images)
        return parts

    def start(self) -> None:
        """Serve in threads; returns when every service answers."""
        self._thread.start()
        self._worker.start()
        while not all(server.started for server in self._servers.values()):
            if not self._thread.is_alive():
                raise RuntimeError("the HTTP services ended before they had started")
            threading.Event().wait(0.01)

    def _serve(self) -> None:
        async def all_of_them() -> None:
            # Signals belong to the process as a whole, not to each of its servers.
            for server in self._servers.values():
                server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
            await asyncio.gather(
                *(server.serve(sockets=[self._sockets[name]]) for name, server in self._servers.items())
            )

        asyncio.run(all_of_them())

    def stop(self) -> None:
        """Answer what is in flight, finish the messages at hand, end."""
        for server in self._servers.values():
            server.should_exit = True
        self._thread.join(10)
        self._worker.stop()
        self._hints.close()
        self._blocks.stop()

    def announcement(self) -> str:
        """The line that says where everything is."""
        return json.dumps({"urls": self.urls, "admin_password": self.admin_password, "region": self.settings.region})


def announce(line: str, path: Path | None) -> None:
    """Print the line, and leave it in a file, whole or not at all, for whoever waits for it there."""
    print(line, flush=True)
    if path is not None:
        temporary = path.with_suffix(".tmp")
        temporary.touch(mode=0o600)
        temporary.write_text(line)
        temporary.replace(path)


def _end_with_stdin(ended: threading.Event) -> None:
    # Not through sys.stdin: a thread that waits there holds a lock that the end of the process wants.
    while os.read(0, 4096):
        pass
    ended.set()


def main() -> None:
    parser = argparse.ArgumentParser(description="The whole cloud in one process.")
    parser.add_argument("--announce", type=Path, help="a file that will hold the addresses when every service answers")
    parser.add_argument("--with-stdin", action="store_true", help="end when standard input does")
    arguments = parser.parse_args()
    settings = read_settings(EmbeddedSettings)
    configure_logging("embedded", settings.log_level)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    if arguments.with_stdin:
        threading.Thread(target=_end_with_stdin, args=(ended,), name="stdin", daemon=True).start()
    with contextlib.ExitStack() as stack:
        if settings.state_dir:
            state = Path(settings.state_dir)
            state.mkdir(parents=True, exist_ok=True)
        else:
            state = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="quorate-")))
        cloud = Embedded(settings, state)
        cloud.start()
        announce(cloud.announcement(), arguments.announce)
        ended.wait()
        cloud.stop()


if __name__ == "__main__":
    main()

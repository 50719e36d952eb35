"""Two regions in two processes: an embedded cloud, and compute and volumes of a second region that share its identity
and its images. What one region has not, the other may have."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.cloud import ROOT, Cloud, embedded

ONE, TWO = "region-one", "region-two"


@dataclass(frozen=True)
class TwoRegions:
    """The same cloud, as seen through each region."""

    one: Cloud
    two: Cloud

    def clouds_file(self, directory: Path) -> Path:
        """A clouds.yaml whose entry `quorate` is this cloud."""
        auth = {
            "auth_url": self.one.auth_url, "username": self.one.username, "password": self.one.password,
            "project_name": self.one.project, "user_domain_name": "Default", "project_domain_name": "Default",
        }  # fmt: skip
        path = directory / "clouds.yaml"
        path.write_text(json.dumps({"clouds": {"quorate": {"auth": auth, "regions": [ONE, TWO]}}}))
        return path


@contextmanager
def two_regions(directory: Path) -> Iterator[TwoRegions]:
    own = {"QUORATE_REGION": ONE, "QUORATE_STATE_DIR": str(directory / "one")}
    kept = dict(os.environ)
    os.environ |= own
    first = embedded(directory)
    try:
        one = next(first)  # takes the environment as it is now
    finally:
        for name in own:
            os.environ.pop(name)
        os.environ |= kept
    secret = (directory / "one" / "service-password").read_text()
    with _second(one, secret, directory) as urls:
        _register(one, urls)
        yield TwoRegions(one, replace(one, region=TWO))
    next(first, None)


@contextmanager
def _second(one: Cloud, secret: str, directory: Path) -> Iterator[dict[str, str]]:
    state, announcement = directory / "two", directory / "two.json"
    state.mkdir()
    settings = {
        "REGION": TWO, "IDENTITY_URL": one.root, "IMAGE_URL": one.url_of("image"), "SERVICE_PASSWORD": secret,
        "DATA_DIR": str(state), "BOOT_SECONDS": "0.02", "LOG_LEVEL": "INFO",
    }  # fmt: skip
    environment = {f"QUORATE_{name}": value for name, value in settings.items()} | {"PYTHONPATH": str(ROOT)}
    with (directory / "two.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.second_region", str(announcement)],
            cwd=ROOT, env=os.environ | environment, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        give_up = time.monotonic() + 60
        while not announcement.exists():
            assert process.poll() is None, (directory / "two.log").read_text()
            assert time.monotonic() < give_up, "the second region did not start"
            time.sleep(0.05)
        urls: dict[str, str] = json.loads(announcement.read_text())
        yield urls
    finally:
        process.terminate()
        process.wait(20)


def _register(one: Cloud, urls: dict[str, str]) -> None:
    """The second region in the catalog; identity and images are the same in both."""
    with one.connect() as admin:
        admin.identity.create_region(id=TWO)
        shared = {"identity": one.auth_url, "image": one.url_of("image")}
        found = {service.type: service.id for service in admin.identity.services()}
        for kind, url in (urls | shared).items():
            for interface in ("public", "internal"):
                admin.identity.create_endpoint(
                    service_id=found[kind], interface=interface, url=url, region_id=TWO
                )  # fmt: skip


def _serve(app: Any, port: int) -> None:
    import asyncio
    import contextlib

    import uvicorn

    from services.platform.server import uvicorn_config

    server = uvicorn.Server(uvicorn_config(app, "127.0.0.1", port))
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True).start()
    while not server.started:
        time.sleep(0.01)


def _main(announcement: Path) -> None:
    from msgspec import structs

    from services.assembly.embedded import announce, listen
    from services.compute import bootstrap as compute_bootstrap
    from services.compute.agent import app as agent
    from services.compute.api import app as compute_api
    from services.compute.conductor import app as conductor
    from services.compute.scheduler import app as scheduler
    from services.compute.settings import ComputeSettings
    from services.platform.broker import Broker
    from services.platform.database import Transactor
    from services.platform.hints import Hints
    from services.platform.logs import configure_logging
    from services.platform.settings import read_settings
    from services.platform.tokens import IdentityTokens, TokenCache
    from services.platform.worker import Worker
    from services.volume import app as volume
    from services.volume import bootstrap as volume_bootstrap
    from services.volume.settings import VolumeSettings
    from storage.embedded import EmbeddedThread

    settings = read_settings(ComputeSettings)
    configure_logging("second", settings.log_level)
    ports = {}
    for name in ("compute", "volume"):
        with listen(0) as taken:
            ports[name] = taken.getsockname()[1]
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    blocks = EmbeddedThread(settings.data_dir / "storage")
    blocks.start()
    databases = {name: Transactor(f"sqlite:///{settings.data_dir}/{name}.sqlite") for name in ports}
    compute_bootstrap.bootstrap(databases["compute"])
    volume_bootstrap.bootstrap(databases["volume"])
    broker = Broker("memory://")
    hints = Hints(broker)
    tokens = IdentityTokens(settings.identity_url, TokenCache(settings.token_cache_seconds))
    own = structs.replace(settings, volume_url=urls["volume"], name="compute-api1")
    volumes = read_settings(VolumeSettings, name="volume1", store_url=blocks.url)
    images = volume.image_client(volumes)
    _serve(compute_api.build_app(own, databases["compute"], broker, hints, tokens), ports["compute"])
    _serve(volume.build_app(volumes, databases["volume"], hints, images, tokens), ports["volume"])
    parts = [
        *scheduler.parts(structs.replace(own, name="scheduler1"), databases["compute"], broker, hints),
        *conductor.parts(structs.replace(own, name="conductor1"), databases["compute"], broker, hints),
        *agent.parts(structs.replace(own, name="compute1", data_dir=settings.data_dir / "compute1"), broker, hints),
        *volume.parts(volumes, databases["volume"], broker, images),
    ]
    catalog = {"compute": f"{urls['compute']}/v2.1", "block-storage": f"{urls['volume']}/v3/$(project_id)s"}
    threading.Timer(0.5, announce, (json.dumps(catalog), announcement)).start()
    Worker(parts).run()
    blocks.stop()


if __name__ == "__main__":
    _main(Path(sys.argv[1]))

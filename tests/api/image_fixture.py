"""A running image service of its own, with tokens that say whose they are: `admin`, `member-a`, `reader-a`, …"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from services.image import bootstrap
from services.image.app import build_app
from services.image.settings import ImageSettings
from services.platform.context import Access
from services.platform.database import Transactor
from services.platform.faults import Unauthorized
from services.platform.server import uvicorn_config


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
            project_id=project or "admin",
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


def make_image_app(directory: Path, **settings: object) -> FastAPI:
    """An image service over a new SQLite file and a directory."""
    chosen = ImageSettings(data_dir=directory, sweep_grace_seconds=0, **settings)  # type: ignore[arg-type]
    transactor = Transactor(f"sqlite:///{directory}/image.sqlite")
    bootstrap.upgrade(transactor.engine)
    return build_app(chosen, transactor, SpokenTokens())


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """Serve `app` on a port of the system's choice; gives its address."""
    server = uvicorn.Server(uvicorn_config(app, "127.0.0.1", 0))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start within 10 s"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)

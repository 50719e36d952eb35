"""Running an HTTP service: one process, one port, a stop that finishes what it has begun."""

from __future__ import annotations

import asyncio
import socket

import uvicorn
from starlette.types import ASGIApp

from services.platform.logs import configure_logging
from services.platform.settings import Settings


def uvicorn_config(app: ASGIApp, host: str, port: int) -> uvicorn.Config:
    """Uvicorn as all services use it: own access log off (ours carries request ids), bounded shutdown."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=5,
        lifespan="off",
    )


class Server(uvicorn.Server):
    """Uvicorn, but a request that is cancelled at the end of the graceful time gets a second to clean up."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        if cancelled := set(self.server_state.tasks):
            await asyncio.wait(cancelled, timeout=1.0)


def serve(app: ASGIApp, settings: Settings) -> None:
    """Serve `app` until SIGTERM or SIGINT; requests in flight are answered first."""
    configure_logging(settings.name, settings.log_level)
    Server(uvicorn_config(app, settings.listen, settings.port)).run()

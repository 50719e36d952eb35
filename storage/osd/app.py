"""The composition root of an OSD process."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal

import uvloop

from environment import read_settings
from storage.osd.daemon import Daemon
from storage.osd.settings import OsdProcessSettings


async def serve(settings: OsdProcessSettings) -> int:
    """Until SIGTERM or SIGINT (0), or until the disk or the program fails (1): an OSD that is wrong must not go on."""
    ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def end(code: int) -> None:
        if not ended.done():
            ended.set_result(code)

    daemon = Daemon(settings, on_failure=lambda _: end(1))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end, 0)
    await daemon.start()
    gc.freeze()
    code = await ended
    if code == 0:
        with contextlib.suppress(OSError):
            await daemon.stop()
    return code


def main() -> None:
    """Read the settings, serve, end."""
    settings = read_settings(OsdProcessSettings)
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    raise SystemExit(uvloop.run(serve(settings)))

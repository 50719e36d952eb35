"""The composition root of a monitor process."""

from __future__ import annotations

import asyncio
import logging
import signal

import uvloop

from environment import read_settings
from storage.connection import split_address
from storage.mon.decisions import Patience
from storage.mon.etcd_store import EtcdMapStore
from storage.mon.monitor import Monitor
from storage.mon.settings import MonitorSettings


async def serve(settings: MonitorSettings) -> None:
    """Until SIGTERM or SIGINT."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    host, port = split_address(settings.etcd)
    monitor = Monitor(
        settings.name, settings.listen, EtcdMapStore(host, port, settings.fsid), fsid=settings.fsid,
        rank=settings.rank, patience=Patience(out=settings.out_seconds),
        others=tuple(filter(None, settings.monitors.split(","))),
    )  # fmt: skip
    await monitor.start()
    await ended.wait()
    await monitor.stop()


def main() -> None:
    """Read the settings, serve, end."""
    settings = read_settings(MonitorSettings)
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    uvloop.run(serve(settings))

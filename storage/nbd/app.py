"""The composition root of an NBD server: `python -m storage.nbd --store quorate://... --listen 127.0.0.1:10809`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys

import uvloop

from storage.client.images import Images
from storage.client.open import StoreAddress, open_pool
from storage.errors import StorageError
from storage.nbd.exports import Exports
from storage.nbd.server import NbdServer


async def serve(store: str, listen: str, *, only: str = "", read_only: bool = False) -> None:
    """Until SIGTERM or SIGINT; says where it listens on standard output."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with open_pool(StoreAddress.parse(store)) as io:
        server = NbdServer(Exports(Images(io), read_only=read_only, only=only))
        await server.start(listen)
        where = server.address if server.address.startswith("unix:") else f"nbd://{server.address}"
        print(f"{where}/{only or '<image>'}", flush=True)
        await ended.wait()
        with contextlib.suppress(TimeoutError):
            await server.stop()


def main() -> None:
    """Read the arguments, serve, end."""
    parser = argparse.ArgumentParser(description="Export the images of a pool as network block devices.")
    parser.add_argument("--store", default=os.environ.get("QUORATE_STORE_URL", ""), help="quorate://host:6789/pool")
    parser.add_argument("--listen", default="127.0.0.1:10809", help="host:port, or unix:/path")
    parser.add_argument("--image", default="", help="export only this one (image or image@snapshot)")
    parser.add_argument("--read-only", action="store_true")
    arguments = parser.parse_args()
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        uvloop.run(serve(arguments.store, arguments.listen, only=arguments.image, read_only=arguments.read_only))
    except (StorageError, ValueError, OSError) as error:
        print(f"nbd: {error}", file=sys.stderr)
        raise SystemExit(1) from None

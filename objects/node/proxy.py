"""A proxy: the object storage API, which knows from the rings who holds what."""

from __future__ import annotations

import gc
import logging
import os

from node import ring_files
from node.configuration import DIRECTORY
from node.settings import read_settings

PORT = 8080


def main() -> None:
    """Serve until told to stop."""
    gc.disable()  # until it serves
    from swift.common.utils import monkey_patch

    monkey_patch()
    from node import serving

    # The middleware warns of options that are not its own: those are its plugin's, and Swift's.
    logging.getLogger("keystonemiddleware._common.config").setLevel(logging.ERROR)
    digests = ring_files.write(read_settings(os.environ).subnets, DIRECTORY)
    server = serving.server(DIRECTORY / "proxy-server.conf", PORT)
    print("node: serving;", *(f"{kind} ring {digest[:12]}" for kind, digest in digests.items()), flush=True)
    serving.serve([server])


if __name__ == "__main__":
    main()

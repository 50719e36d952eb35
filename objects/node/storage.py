"""A storage node: the account, container and object servers and their daemons in one process."""

from __future__ import annotations

import gc
import os
from pathlib import Path

from node import ring_files
from node.configuration import DIRECTORY
from node.rings import DEVICE, PORTS
from node.settings import read_settings


def main() -> None:
    """Serve until told to stop."""
    gc.disable()  # until it serves
    from swift.common import utils

    utils.monkey_patch()
    # what Swift's own start of a server does with its configuration, and no server does by itself
    reserve = utils.readconf(str(DIRECTORY / "object-server.conf"), "app:object-server")["fallocate_reserve"]
    utils.FALLOCATE_RESERVE, utils.FALLOCATE_IS_PERCENT = utils.config_fallocate_value(reserve)
    from node import daemons, serving

    Path("/srv/node", DEVICE).mkdir(exist_ok=True)
    digests = ring_files.write(read_settings(os.environ).subnets, DIRECTORY)
    servers = [serving.server(DIRECTORY / f"{kind}-server.conf", port) for kind, port in PORTS.items()]
    print("node: serving;", *(f"{kind} ring {digest[:12]}" for kind, digest in digests.items()), flush=True)
    serving.serve(servers, daemons.duties(DIRECTORY))


if __name__ == "__main__":
    main()

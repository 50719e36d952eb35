"""Entry point of the container: `storage` (servers and daemons of one storage node) or `proxy`."""

from __future__ import annotations

import os
import sys

from node import configuration, supervisor
from node.settings import read_settings

RSYNCD = ["rsync", "--daemon", "--no-detach", f"--config={configuration.DIRECTORY}/rsyncd.conf"]
COMMANDS = {
    "storage": [["python3", "-m", "node.storage"], RSYNCD],
    "proxy": [["python3", "-m", "node.proxy"]],
}


def main() -> int:
    """Write the configuration, then run what the role needs until one of it ends."""
    role = sys.argv[1] if len(sys.argv) == 2 else ""
    if role not in COMMANDS:
        raise SystemExit(f"name a role: {' or '.join(COMMANDS)}")
    configuration.write(read_settings(os.environ))
    return supervisor.run(COMMANDS[role])


sys.exit(main())

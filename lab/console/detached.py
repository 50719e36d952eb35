"""The console as a container of the lab: it goes on without a terminal, and goes away with the lab.

It is this checkout's own code. What it does to the lab it does through the engine's socket, as the command does, so it
stands in the machine's network and runs as whoever started it.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any

from docker.errors import APIError, NotFound

from lab.containers import LAB_LABEL, NAME_LABEL, SITE_LABEL, LabEngine
from lab.errors import LabError
from lab.images import CONSOLE, ensure
from lab.paths import VAR
from lab.progress import Progress
from lab.topology import OUTSIDE

NAME = "console"
SOCKET = Path("/var/run/docker.sock")
ADDRESS = re.compile(r"http://\S+\?token=\S+")
PATIENCE, AGAIN = 30.0, 0.1


def begin(engine: LabEngine, port: int, progress: Progress) -> str:
    """The console's address; it is started where it does not run yet. Raises LabError."""
    there = _find(engine)
    if there is not None and there.status == "running":
        return _address(there)
    if there is not None:
        there.remove(force=True)
    if not SOCKET.is_socket():
        raise LabError(
            f"{SOCKET} is not here: the console can only be a container beside the engine. `quorate console`."
        )
    ensure([CONSOLE], engine.lab, progress)
    with progress.step("Starting the console"):
        try:
            started = engine.client.containers.run(
                CONSOLE.tag(engine.lab),
                ["--port", str(port)],
                name=f"{engine.lab}-{NAME}",
                detach=True,
                init=True,
                network_mode="host",
                user=f"{os.getuid()}:{os.getgid()}",
                group_add=[SOCKET.stat().st_gid],
                cap_drop=["ALL"],
                security_opt=["no-new-privileges:true"],
                read_only=True,
                tmpfs={"/tmp": "size=16m"},  # noqa: S108 - the container's own
                volumes={
                    str(VAR): {"bind": "/app/var", "mode": "rw"},
                    str(SOCKET): {"bind": str(SOCKET), "mode": "rw"},
                },
                labels={LAB_LABEL: engine.lab, NAME_LABEL: NAME, SITE_LABEL: OUTSIDE},
            )
        except APIError as error:
            raise LabError(f"The console did not start: {error.explanation}") from error
        return _address(started)


def end(engine: LabEngine) -> bool:
    """Remove it, whatever it does; whether there was one. What it watches is judged and kept first."""
    there = _find(engine)
    if there is None:
        return False
    there.stop(timeout=60)
    there.remove(force=True)
    return True


def address_in(log: str) -> str | None:
    """What the console said of itself as it started. Pure."""
    found = ADDRESS.search(log)
    return found[0] if found else None


def _address(container: Any) -> str:
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        log = container.logs().decode("utf-8", "replace")
        address = address_in(log)
        if address is not None:
            return address
        container.reload()
        if container.status not in {"created", "running"}:
            break
        time.sleep(AGAIN)
    last = (log.strip().splitlines() or ["it says nothing"])[-1]
    raise LabError(f"The console did not start: {last}")


def _find(engine: LabEngine) -> Any:
    try:
        return engine.client.containers.get(f"{engine.lab}-{NAME}")
    except NotFound:
        return None

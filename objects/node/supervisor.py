"""Process 1: starts the container's processes, collects the dead; when one of its own ends, the others end too."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Sequence

SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}
PATIENCE = 4.0


def run(commands: Sequence[list[str]]) -> int:
    """Run the commands until one ends or a stop is asked for; returns the exit status."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    pids = {os.posix_spawnp(command[0], command, os.environ, setsigmask=()): " ".join(command) for command in commands}
    while signal.sigwaitinfo(SIGNALS).si_signo == signal.SIGCHLD:
        ended = collect(pids)
        if ended:
            print(f"node: {', '.join(ended)} ended; stopping", flush=True)
            finish(pids)
            return 1
    finish(pids)
    return 0


def finish(pids: dict[int, str]) -> None:
    """Ask all to end, then make them."""
    _send(pids, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE
    while pids and time.monotonic() < deadline:
        signal.sigtimedwait(SIGNALS, 0.1)
        collect(pids)
    _send(pids, signal.SIGKILL)


def collect(pids: dict[int, str]) -> list[str]:
    """The commands that ended since the last call; whatever else ended is forgotten."""
    ended = []
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid in pids:
                ended.append(pids.pop(pid))
    return ended


def _send(pids: dict[int, str], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

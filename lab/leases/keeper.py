"""`python -m lab.leases.keeper ID`: waits until a lease is over, undoes it, ends. One for each lease.

It is a process of its own, in a session of its own: it outlives the command that ordered the fault. Should it be killed
itself, the next `quorate fault …` or `quorate heal` undoes what is due.
"""

from __future__ import annotations

import subprocess
import sys
import time

from docker.errors import DockerException

from lab.containers import open_engine
from lab.errors import LabError
from lab.leases.kinds import undo
from lab.leases.lease import Lease, Leases
from lab.look import running_lab
from lab.paths import ROOT

LOOK, PATIENCE, AGAIN = 1.0, 120.0, 1.0


def start(lease: Lease) -> None:
    """Begin to keep a lease, in the background: as nobody's child, so that nobody waits for it."""
    subprocess.run(
        ["sh", "-c", '"$@" </dev/null >/dev/null 2>&1 &', "sh", sys.executable, "-m", "lab.leases.keeper", lease.id],
        cwd=ROOT,
        start_new_session=True,
        check=True,
    )


def keep(lease_id: str, leases: Leases) -> None:
    """Return when the lease is over and undone, or when somebody else has undone it."""
    while (lease := leases.find(lease_id)) is not None:
        left = lease.until - time.time()
        if left > 0:
            time.sleep(min(left, LOOK))
            continue
        try:
            state = running_lab()
            with open_engine(state.lab) as engine, leases.turn():
                if leases.find(lease_id) is not None:
                    undo(engine, state.topology, lease, leases.all(), time.time())
                    leases.remove(lease_id)
        except (LabError, DockerException, OSError):
            if -left > PATIENCE:
                return
            time.sleep(AGAIN)


if __name__ == "__main__":
    keep(sys.argv[1], Leases())

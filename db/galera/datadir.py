"""The data directory: seeding it, and finding out which position it holds."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from galera.records import (
    UNDEFINED,
    Saved,
    first_view,
    mark_safe,
    parse_grastate,
    parse_gvwstate,
    parse_recovered,
)

CONFIGURATION = "--defaults-file=/etc/mysql/galera.cnf"
SEED = Path("/opt/seed")


class Found(NamedTuple):
    """What the directory holds."""

    saved: Saved
    fresh: bool
    view: str


class DataDirectory:
    """One node's /var/lib/mysql. `segments` has the segment of each node of the cluster."""

    def __init__(self, segments: Mapping[int, int], path: Path = Path("/var/lib/mysql")) -> None:
        self._segments, self._path = segments, path
        self._state = path / "grastate.dat"
        self._view = path / "gvwstate.dat"
        self._fresh = path / "quorate.fresh"

    def seed(self) -> bool:
        """Fill an empty directory from the image; the mark is made last, so a broken copy is made again."""
        if self._fresh.exists() or self._state.exists():
            return False
        subprocess.run(["/bin/cp", "-a", "--sparse=always", f"{SEED}/.", str(self._path)], check=True)  # noqa: S603
        os.sync()
        self._fresh.touch()
        return True

    def inspect(self, ordinal: int) -> Found:
        """Find the position, asking the engine after a crash (it takes most of a second)."""
        fresh = self._fresh.exists()
        if fresh and not self._view.exists():
            self._view.write_text(first_view(ordinal, self._segments))
        saved = parse_grastate(self._read(self._state))
        if (self._path / "sst_in_progress").exists():
            saved = Saved(UNDEFINED, -1, False)
        elif saved.uuid != UNDEFINED and saved.seqno < 0:
            saved = Saved(*self._recover(), safe=False)
        return Found(saved, fresh, self.view())

    def view(self) -> str:
        """The last primary view that the engine wrote down."""
        return parse_gvwstate(self._read(self._view), set(self._segments.values()))

    def forget_view(self) -> None:
        """Do not continue an old view by itself."""
        self._view.unlink(missing_ok=True)

    def allow_bootstrap(self) -> None:
        """Mark this node as the one to start from."""
        self._state.write_text(mark_safe(self._read(self._state)))

    def has_history(self) -> None:
        """The node was in step with a cluster: its data are no longer just the seed's."""
        self._fresh.unlink(missing_ok=True)

    def _recover(self) -> tuple[str, int]:
        # Without an address the server refuses the rsync method and tells no position.
        command = ["/usr/sbin/mariadbd", CONFIGURATION, "--wsrep-recover", "--wsrep-cluster-address=gcomm://"]
        done = subprocess.run(  # noqa: S603 - a fixed command
            command, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        return parse_recovered(done.stdout)

    def _read(self, path: Path) -> str:
        try:
            return path.read_text()
        except OSError:
            return ""

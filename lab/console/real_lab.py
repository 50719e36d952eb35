"""The lab of this checkout, as the console needs it: the same calls that the commands make."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from docker.errors import DockerException
from rich.console import Console

from lab import wan_wish
from lab.console.snapshot import Snapshot
from lab.containers import open_engine
from lab.errors import BadNameError, LabError
from lab.heal import heal_all
from lab.leases.lease import Leases
from lab.leases.order import opened_lab, order
from lab.look import look, running_lab
from lab.paths import ROOT, STATE_FILE
from lab.state import current_lab, load
from lab.wan import Wan
from lab.watch.recorder import Recorder
from lab.watch.run import Run

#: What the page offers on the way between the regions.
WAYS: dict[str, dict[str, float | bool]] = {"cut": {"cut": True}, "slow": {"delay_ms": 80.0}, "loss": {"loss": 5.0}}


class RealLab:
    """This checkout's lab, whether it runs or not."""

    @property
    def name(self) -> str:
        """Of the lab."""
        return current_lab(load(STATE_FILE), os.environ, ROOT)

    def look(self) -> Snapshot:
        """Ask every part, and the router between the sites, at the same time."""
        with ThreadPoolExecutor(1) as pool:
            announced = pool.submit(_announced)
            status = look()
            now = time.time()
            faults = tuple(lease for lease in Leases().all() if lease.until > now)
            return Snapshot(status, announced.result(), faults)

    def strike(self, kind: str, selectors: Sequence[str], seconds: float) -> str:
        """Break parts for so long."""
        ordered = order(kind, selectors, seconds)
        return f"{_DONE[kind]} {', '.join(ordered.labels)} for {seconds:g} s."

    def spoil_way(self, fault: str, seconds: float) -> str:
        """Cut, slow or spoil the way between the regions for so long."""
        if fault not in WAYS:
            raise BadNameError(f"There is no fault {fault!r} of the way: cut, slow or loss.")
        with opened_lab() as (_, engine):
            wan = Wan(engine)
            state = wan.apply(wan_wish.changed(wan.show()["links"], wan_wish.REGIONS, **WAYS[fault]), seconds)
        return f"The way between the sites for {seconds:g} s: {wan_wish.way(state['links'])}."

    def heal(self) -> list[str]:
        """Undo every fault."""
        done: list[str] = []
        heal_all(done.append)
        return done

    def watch(self, site: str, ended: threading.Event, hear: Callable[[Recorder], None]) -> Run:
        """One run, until `ended`."""
        from lab.watch.recording import record

        state = running_lab()
        quiet = Console(file=io.StringIO())
        return record(state, state.region(site), float("inf"), quiet, is_live=False, beside=hear, ended=ended)


_DONE = {"kill": "Killed", "stop": "Stopped", "pause": "Froze", "isolate": "Cut off"}


def _announced() -> str:
    """The address where the announced address leads; empty where nobody says."""
    try:
        state = running_lab()
        if state.regions < 2:
            return ""
        with open_engine(state.lab, timeout=10) as engine:
            return str(Wan(engine).show()["anycast"] or "")
    except (LabError, DockerException, OSError, KeyError):
        return ""

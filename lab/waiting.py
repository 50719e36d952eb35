"""Waits until a region is ready: looks, asks `readiness` what is missing, says so, and gives up with a reason."""

import time

from lab.assess import assess
from lab.containers import LabEngine
from lab.errors import NotReadyError
from lab.explain import explain, last_lines
from lab.probes import Prober
from lab.progress import Note, Progress
from lab.readiness import STAGES, Stage, ended, missing
from lab.state import LabState
from lab.status_model import RegionStatus

DEADLINE = 240.0
POLL = 0.3


class Waiter:
    """One wait for one region, with one deadline for all of it."""

    def __init__(self, engine: LabEngine, state: LabState, prober: Prober) -> None:
        self.engine = engine
        self.state = state
        self.prober = prober
        self.deadline = time.monotonic() + DEADLINE

    def wait(self, progress: Progress) -> RegionStatus:
        """Go through the stages; return the status at the end of the last."""
        with_proxysql = self.state.database_proxy == "proxysql"
        for stage in STAGES:
            if with_proxysql or "proxysql" not in stage.roles:
                with progress.step(stage.title) as note:
                    status = self._wait_for(stage, note)
                if stage.patience and (lacking := missing(stage, status, None)):
                    progress.say(f"Going on without: {', '.join(lacking)}.", style="yellow")
        return status

    def _wait_for(self, stage: Stage, note: Note) -> RegionStatus:
        state = self.state
        patience = time.monotonic() + (stage.patience or DEADLINE)
        while True:
            containers = self.engine.containers()
            if failed := ended(containers):
                log = self.engine.log_end(failed[0].container)
                raise NotReadyError(explain(failed[0].name, failed[0].exit_code, log), last_lines(log))
            facts = self.prober.look(containers)
            status = assess(state.topology, facts, state.database_proxy, state.database_proxy_reason)
            lacking = missing(stage, status, containers.get("bootstrap"))
            if not lacking or (stage.patience and time.monotonic() > patience):
                return status
            if time.monotonic() > self.deadline:
                first = containers.get(lacking[0].split(" ")[0])
                log = self.engine.log_end(first.container) if first else ""
                raise NotReadyError(
                    f"Not ready after {DEADLINE:.0f} s: still waiting for {', '.join(lacking)}.", last_lines(log)
                )
            note(f"waiting for {', '.join(lacking)}")
            time.sleep(POLL)

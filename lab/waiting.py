"""Waits until a region is ready: looks, asks `readiness` what is missing, says so, and gives up with a reason."""

import time

from lab.assess import assess
from lab.containers import ContainerFacts, LabEngine
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

    def __init__(self, engine: LabEngine, state: LabState, prober: Prober, progress: Progress) -> None:
        self.engine = engine
        self.progress = progress
        self.state = state
        self.prober = prober
        self.deadline = time.monotonic() + DEADLINE
        self._revived: set[str] = set()

    def wait(self) -> RegionStatus:
        """Go through the stages; return the status at the end of the last."""
        with_proxysql = self.state.database_proxy == "proxysql"
        for stage in STAGES:
            if with_proxysql or "proxysql" not in stage.roles:
                with self.progress.step(stage.title) as note:
                    status = self._wait_for(stage, note)
                if stage.patience and (lacking := missing(stage, status, None)):
                    self.progress.say(f"Going on without: {', '.join(lacking)}.", style="yellow")
        return status

    def _start_once_more(self, failed: ContainerFacts) -> None:
        """A part may end once while all start at the same time; ending twice has a reason that stays."""
        log = self.engine.log_end(failed.container)
        reason = explain(failed.name, failed.exit_code, log)
        if failed.name in self._revived:
            raise NotReadyError(reason, last_lines(log))
        self._revived.add(failed.name)
        self.progress.say(f"{reason} It is started once more.", style="yellow")
        self.engine.client.containers.get(failed.container).start()

    def _wait_for(self, stage: Stage, note: Note) -> RegionStatus:
        state = self.state
        patience = time.monotonic() + (stage.patience or DEADLINE)
        while True:
            containers = self.engine.containers()
            for failed in ended(containers):
                self._start_once_more(failed)
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

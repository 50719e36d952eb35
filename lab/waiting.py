"""Waits until every region is ready: looks, asks `readiness` what is missing, says so, and gives up with a reason."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from lab.assess import assess
from lab.assess_outside import assess_outside
from lab.containers import ContainerFacts, LabEngine, at_site
from lab.errors import NotReadyError
from lab.explain import explain, last_lines
from lab.patience import pause_between_looks
from lab.probes import Prober
from lab.progress import Note, Progress
from lab.readiness import STAGES, Stage, ended, missing, title
from lab.state import LabState
from lab.status_model import LabStatus, RegionStatus
from lab.topology import label

DEADLINE = 240.0


class Waiter:
    """One wait for all regions, with one deadline for all of it."""

    def __init__(self, engine: LabEngine, state: LabState, secrets: Mapping[str, str], progress: Progress) -> None:
        self.engine = engine
        self.progress = progress
        self.state = state
        self.probers = [Prober(topology, secrets) for topology in state.region_topologies]
        self.deadline = time.monotonic() + DEADLINE
        self._revived: set[str] = set()

    def wait(self) -> LabStatus:
        """Go through the stages; return the status at the end of the last."""
        there = {role for topology in self.state.region_topologies for role in topology.roles}
        there -= set() if self.state.database_proxy == "proxysql" else {"proxysql"}
        regions: Sequence[RegionStatus] = ()
        for stage in STAGES:
            if not stage.roles or there.intersection(stage.roles):
                with self.progress.step(title(stage, self.state.design)) as note:
                    regions, lacking = self._wait_for(stage, note)
                if lacking:
                    self.progress.say(f"Going on without: {', '.join(lacking)}.", style="yellow")
        containers = self.engine.containers()
        outside = assess_outside(self.state.topology, containers) if self.state.regions > 1 else None
        return LabStatus(self.state.lab, tuple(regions), outside)

    def _start_once_more(self, failed: ContainerFacts) -> None:
        """A part may end once while all start at the same time; ending twice has a reason that stays."""
        log = self.engine.log_end(failed.container)
        reason = explain(failed.label, failed.exit_code, log)
        if failed.label in self._revived:
            raise NotReadyError(reason, last_lines(log))
        self._revived.add(failed.label)
        self.progress.say(f"{reason} It is started once more.\n{last_lines(log)}", style="yellow")
        self.engine.client.containers.get(failed.container).start()

    def _wait_for(self, stage: Stage, note: Note) -> tuple[list[RegionStatus], list[str]]:
        """Each region's status when nothing lacks, or when patience is over; and what lacks then."""
        patience = time.monotonic() + (stage.patience or DEADLINE)
        while True:
            began = time.monotonic()
            containers = self.engine.containers()
            for failed in ended(containers):
                self._start_once_more(failed)
            regions = self._look(containers)
            lacking = self._lacking(stage, regions, containers)
            if not lacking or (stage.patience and time.monotonic() > patience):
                return regions, lacking
            if time.monotonic() > self.deadline:
                self._give_up(lacking, containers)
            note(f"waiting for {', '.join(lacking)}")
            # Half of the time at most is spent looking: what starts needs the processors, too.
            pause = pause_between_looks(sum(len(region.unwell) for region in regions))
            time.sleep(max(pause, time.monotonic() - began))

    def _look(self, containers: Mapping[str, ContainerFacts]) -> list[RegionStatus]:
        def one(prober: Prober) -> RegionStatus:
            facts = prober.look(at_site(containers, prober.topology.site))
            return assess(prober.topology, facts, self.state.database_proxy, self.state.database_proxy_reason)

        with ThreadPoolExecutor(max_workers=len(self.probers)) as pool:
            return list(pool.map(one, self.probers))

    def _lacking(
        self, stage: Stage, regions: Sequence[RegionStatus], containers: Mapping[str, ContainerFacts]
    ) -> list[str]:
        return [
            label(region.site, what)
            for region in regions
            for what in missing(stage, region, containers.get(label(region.site, "bootstrap")))
        ]

    def _give_up(self, lacking: Sequence[str], containers: Mapping[str, ContainerFacts]) -> None:
        first = containers.get(lacking[0].split(" ")[0])
        log = self.engine.log_end(first.container) if first else ""
        raise NotReadyError(
            f"Not ready after {DEADLINE:.0f} s: still waiting for {', '.join(lacking)}.", last_lines(log)
        )

"""One look at the running lab."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from lab import envfile
from lab.assess import assess
from lab.assess_outside import assess_outside
from lab.containers import ContainerFacts, LabEngine, at_site, open_engine
from lab.errors import NotRunningError
from lab.paths import ENV_FILE, ROOT, STATE_FILE
from lab.probes import Prober
from lab.state import LabState, current_lab, load
from lab.status_model import LabStatus, RegionStatus
from lab.topology import ONE, Topology
from lab.wan import way_in_force


def running_lab() -> LabState:
    """The lab of this checkout, or word that it is not up."""
    state = load(STATE_FILE)
    lab = current_lab(state, os.environ, ROOT)
    if state is None:
        raise NotRunningError(f"The lab {lab} is not up; `make up` starts it.")
    return state


def look() -> LabStatus:
    """Ask every part; an address is asked only while the lab's own network is there."""
    state = running_lab()
    with _engine(state) as engine:
        containers = engine.containers()
        way = way_in_force(engine) if state.regions > 1 else ""
    regions = tuple(_look_at(state, topology, containers) for topology in state.region_topologies)
    outside = assess_outside(state.topology, containers, way) if state.regions > 1 else None
    return LabStatus(state.lab, regions, outside)


def look_at(site: str = ONE) -> RegionStatus:
    """Ask the parts of one region."""
    state = running_lab()
    with _engine(state) as engine:
        containers = engine.containers()
    return _look_at(state, state.topology.at(site), containers)


@contextmanager
def _engine(state: LabState) -> Iterator[LabEngine]:
    with open_engine(state.lab, timeout=10) as engine:
        if not engine.containers() or not engine.network_names():
            raise NotRunningError(f"The lab {state.lab} is not up; `make up` starts it.")
        yield engine


def _look_at(state: LabState, topology: Topology, containers: Mapping[str, ContainerFacts]) -> RegionStatus:
    facts = Prober(topology, envfile.read(ENV_FILE)).look(at_site(containers, topology.site))
    return assess(topology, facts, state.database_proxy, state.database_proxy_reason)

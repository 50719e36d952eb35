"""One look at the running lab."""

import os

from lab import envfile
from lab.assess import assess
from lab.containers import open_engine
from lab.errors import NotRunningError
from lab.paths import ENV_FILE, ROOT, STATE_FILE
from lab.probes import Prober
from lab.state import LabState, current_lab, load
from lab.status_model import RegionStatus


def running_lab() -> LabState:
    """The lab of this checkout, or word that it is not up."""
    state = load(STATE_FILE)
    lab = current_lab(state, os.environ, ROOT)
    if state is None:
        raise NotRunningError(f"The lab {lab} is not up; `make up` starts it.")
    return state


def look() -> RegionStatus:
    """Ask every part; an address is asked only while the lab's own network is there."""
    state = running_lab()
    with open_engine(state.lab, timeout=10) as engine:
        containers = engine.containers()
        if not containers or not engine.network_names():
            raise NotRunningError(f"The lab {state.lab} is not up; `make up` starts it.")
    facts = Prober(state.topology, envfile.read(ENV_FILE)).look(containers)
    return assess(state.topology, facts, state.database_proxy, state.database_proxy_reason)

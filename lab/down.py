"""Takes the lab down and proves that nothing of it remains."""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from docker.errors import APIError, NotFound

from lab import clouds, compose
from lab.containers import LabEngine
from lab.engine_setup import restart_idle_daemon
from lab.errors import LeftBehindError, StepFailedError
from lab.faults import MOST_REGIONS
from lab.leases import lease as leases
from lab.paths import CLIENT_CLOUDS_FILE, CLOUDS_FILE, ENV_FILE, STATE_FILE, env_file
from lab.progress import Progress
from lab.topology import ONE, OUTSIDE, SITES, TWO, Topology, all_parts

PATIENCE = 10
AT_ONCE = 4
LETTING_GO = 20.0


@dataclass(frozen=True)
class Remains:
    """What carries the lab's label."""

    containers: tuple[str, ...]
    networks: tuple[str, ...]
    volumes: tuple[str, ...]

    def sentence(self) -> str:
        """How much of it there is."""
        return f"{len(self.containers)} containers, {len(self.networks)} networks, {len(self.volumes)} volumes"


def find_remains(engine: LabEngine) -> Remains:
    """Ask the engine for everything with the lab's label."""
    names = tuple(sorted(fact.container for fact in engine.containers().values()))
    return Remains(names, tuple(engine.network_names()), tuple(engine.volume_names()))


#: The third site stands in the regions' networks: it goes first.
ORDER = (OUTSIDE, TWO, ONE)
ENTRIES = (clouds.CLOUD, f"{clouds.CLOUD}-{TWO}")


def take_down(engine: LabEngine, topology: Topology, keep_data: bool, progress: Progress) -> Remains:
    """Remove all of the lab (its data only if it is not to be kept) and return what is still there: kept volumes."""
    before = find_remains(engine)
    with progress.step(f"Removing {before.sentence()}") as note:
        if not keep_data:
            _remove_all(engine)
        for site in ORDER:
            if engine.network_names(site):
                try:
                    compose.down(topology.at(site), note, keep_data, PATIENCE if keep_data else 0)
                except StepFailedError as error:
                    note(f"compose: {error.message}")
        _sweep(engine, topology, keep_data)
    shutil.rmtree(leases.DIRECTORY, ignore_errors=True)
    _forget_groups(topology)
    for name in ENTRIES:
        clouds.remove(CLOUDS_FILE, name)
    after = find_remains(engine)
    if after.containers or after.networks or (after.volumes and not keep_data):
        left = ", ".join((*after.containers, *after.networks, *after.volumes))
        raise LeftBehindError(f"Still there after `down`: {left}.")
    if not keep_data:
        for file in (ENV_FILE, CLIENT_CLOUDS_FILE, *map(env_file, SITES)):
            file.unlink(missing_ok=True)
        STATE_FILE.unlink(missing_ok=True)
    return after


def _remove_all(engine: LabEngine) -> None:
    """Kill and remove all containers, several at a time."""
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        for done in [pool.submit(_remove, engine, fact.container) for fact in engine.containers().values()]:
            done.result()


def _remove(engine: LabEngine, container: str) -> None:
    try:
        engine.client.containers.get(container).remove(force=True, v=True)  # with volumes that have no name
    except (APIError, NotFound):
        return  # whatever stays is found at the end


def _remove_networks(engine: LabEngine, topology: Topology) -> None:
    for network in engine.network_names():
        _remove_network(engine, topology, network)


def _remove_network(engine: LabEngine, topology: Topology, name: str) -> None:
    """The engine takes a moment to let go of the last containers' ends, and sometimes must be told to."""
    give_up = time.monotonic() + LETTING_GO
    while True:
        try:
            engine.client.networks.get(name).remove()
        except NotFound:
            return
        except APIError as error:
            if time.monotonic() > give_up:
                raise LeftBehindError(
                    f"The network {name} is empty, but the engine believes that something is in it: Docker 20.10 loses"
                    " count when many containers die at once. Restart the engine, then `quorate down` again."
                ) from error
            _forget_ends(engine, topology, name)
            time.sleep(0.5)
        else:
            return


def _forget_ends(engine: LabEngine, topology: Topology, name: str) -> None:
    """Containers that are gone may have left an end in a network: many that die at once make old engines forget it."""
    network = engine.client.networks.get(name)
    for part in all_parts(MOST_REGIONS):
        with suppress(APIError, NotFound):
            network.disconnect(topology.at(part.site).container(part.name), force=True)


def _forget_groups(topology: Topology) -> None:
    """The kernel's groups of processes, one for each site, which Docker leaves behind where systemd does not rule."""
    for site in SITES:
        for group in Path("/sys/fs/cgroup").glob(f"*/{topology.at(site).project}.slice"):
            with suppress(OSError):
                group.rmdir()


def _sweep(engine: LabEngine, topology: Topology, keep_data: bool) -> None:
    """Remove by label what compose did not know of."""
    client = engine.client
    for fact in engine.containers().values():
        client.containers.get(fact.container).remove(force=True, v=not keep_data)
    try:
        _remove_networks(engine, topology)
    except LeftBehindError:
        if not restart_idle_daemon():
            raise
        _remove_networks(engine, topology)
    for volume in () if keep_data else engine.volume_names():
        client.volumes.get(volume).remove(force=True)

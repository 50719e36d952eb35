"""A database node's disk: emptied on purpose, and how the node got its data back."""

import re
from collections.abc import Callable

from lab.topology import Part
from tests.lab.region import Region
from tests.lab.trial import Trial

DATA = "/var/lib/mysql"
#: Nothing is left but the word that nothing is known: the node must be sent everything (SST), not just what it missed.
EMPTY = f"find {DATA} -mindepth 1 -delete && printf '%s\\n' '# GALERA saved state' 'version: 2.1' \
'uuid: 00000000-0000-0000-0000-000000000000' 'seqno: -1' 'safe_to_bootstrap: 0' > {DATA}/grastate.dat"
#: After an SST the log may tell of an IST too: of what was written meanwhile.
ALL, MISSED = re.compile(r"rsync SST completed on joiner"), re.compile(r"IST received: ")


def empty_disk(region: Region, part: Part) -> None:
    """Delete what a dead node has on its volume."""
    container = region.engine.client.containers.get(region.topology.container(part.name))
    volume = next(mount["Name"] for mount in container.attrs["Mounts"] if mount["Destination"] == DATA)
    region.engine.client.containers.run(
        container.attrs["Image"],
        entrypoint=["/bin/sh", "-c", EMPTY],
        command=[],
        volumes={volume: {"bind": DATA, "mode": "rw"}},
        labels={"quorate.lab": region.topology.lab},
        network_disabled=True,
        remove=True,
    )


def came_back_by(wanted: str = "") -> Callable[[Trial], None]:
    """Look into the log of the node that was struck, how it caught up: what it missed (IST) or everything (SST)."""

    def check(trial: Trial) -> None:
        for part in trial.struck:
            container = trial.region.engine.client.containers.get(trial.region.topology.container(part.name))
            log = container.logs(since=int(trial.struck_at)).decode("utf-8", "replace")
            way = "SST" if ALL.search(log) else "IST" if MISSED.search(log) else "itself"
            trial.notes.append(f"{part.name} caught up by {way}")
            assert not wanted or way == wanted, f"{part.name} was to come back by {wanted}, not by {way}"

    return check

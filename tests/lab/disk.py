"""A database node's disk: emptied on purpose, and how the node got its data back."""

import time

from lab.topology import Part, parts_with_role
from tests.lab.region import Region
from tests.lab.trial import Trial

DATA = "/var/lib/mysql"
#: Nothing is left but the word that nothing is known: the node must be sent everything (SST), not just what it missed.
EMPTY = f"find {DATA} -mindepth 1 -delete && printf '%s\\n' '# GALERA saved state' 'version: 2.1' \
'uuid: 00000000-0000-0000-0000-000000000000' 'seqno: -1' 'safe_to_bootstrap: 0' > {DATA}/grastate.dat"
SENT_ALL, SENT_MISSED = ("SST complete", "SST received"), ("IST received",)
TAIL = 400


def empty_disk(region: Region, part: Part) -> None:
    """Delete what a dead node has on its volume."""
    container = region.engine.client.containers.get(region.topology.container(part.name))
    volume = next(mount["Name"] for mount in container.attrs["Mounts"] if mount["Destination"] == DATA)
    region.engine.client.containers.run(
        container.attrs["Image"],
        entrypoint=["/bin/sh", "-c", EMPTY],
        command=[],
        volumes={volume: {"bind": DATA, "mode": "rw"}},
        network_disabled=True,
        remove=True,
    )


def transfer_since(trial: Trial) -> None:
    """Note how nodes that were struck caught up, in the words of their logs of the last minutes."""
    since = int(time.time()) - 120
    for part in parts_with_role("galera"):
        container = trial.region.engine.client.containers.get(trial.region.topology.container(part.name))
        log = container.logs(since=since, tail=TAIL).decode("utf-8", "replace")
        for name, words in (("SST", SENT_ALL), ("IST", SENT_MISSED)):
            if any(word in log for word in words):
                trial.notes.append(f"{part.name} caught up by {name}")

"""`docker compose` for one lab: the same file, its own project and values."""

from lab.commands import run
from lab.database_proxy import PROXYSQL
from lab.paths import ENV_FILE, REGION_FILE
from lab.progress import Note
from lab.topology import Topology

START_SECONDS = 300.0


def up(topology: Topology, database_proxy: str, note: Note) -> None:
    """Create what is missing and start what does not run."""
    profile = ["--profile", PROXYSQL] if database_proxy == PROXYSQL else []
    command = ["docker", "compose", "--ansi", "never", "-p", topology.project, "--env-file", str(ENV_FILE)]
    command += ["-f", str(REGION_FILE), *profile]
    command += ["up", "--detach", "--no-build", "--remove-orphans", "--timeout", "2"]
    run(command, note, timeout=START_SECONDS)


def down(topology: Topology, note: Note, keep_data: bool, patience: int) -> None:
    """Remove the project's containers and network, and its volumes unless they are kept."""
    command = ["docker", "compose", "--ansi", "never", "-p", topology.project, "down"]
    command += ["--remove-orphans", "--timeout", str(patience), *([] if keep_data else ["--volumes"])]
    run(command, note, timeout=START_SECONDS)

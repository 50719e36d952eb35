"""`docker compose` for the sites of one lab: each a project of its own, with its own values."""

from lab import envfile
from lab.commands import run
from lab.database_proxy import PROXYSQL
from lab.design import Balancers
from lab.paths import OUTSIDE_FILE, REGION_FILE, env_file
from lab.progress import Note
from lab.topology import OUTSIDE, Topology

START_SECONDS = 300.0
#: Compose's profile of what a region has only where there is another.
SHARED_PROFILE = "regions"
#: And of the second load balancer.
PAIR_PROFILE = "pair"


def up(topology: Topology, database_proxy: str, note: Note) -> None:
    """Create what is missing of one site and start what does not run."""
    profiles = [PROXYSQL] if database_proxy == PROXYSQL else []
    profiles += [SHARED_PROFILE] if topology.regions > 1 else []
    profiles += [PAIR_PROFILE] if topology.design.balancers is Balancers.VRRP else []
    file = OUTSIDE_FILE if topology.site == OUTSIDE else REGION_FILE
    command = ["docker", "compose", "--ansi", "never", "-p", topology.project]
    command += ["--env-file", str(env_file(topology.site)), "-f", str(file)]
    command += [word for profile in profiles for word in ("--profile", profile)]
    command += ["up", "--detach", "--no-build", "--remove-orphans", "--timeout", "2"]
    # Whatever the shell calls REGION or SUBNET means something else; to compose it would come before the file.
    run(command, note, timeout=START_SECONDS, extra_environment=envfile.read(env_file(topology.site)))


def down(topology: Topology, note: Note, keep_data: bool, patience: int) -> None:
    """Remove one project's containers and network, and its volumes unless they are kept."""
    command = ["docker", "compose", "--ansi", "never", "-p", topology.project, "down"]
    command += ["--remove-orphans", "--timeout", str(patience), *([] if keep_data else ["--volumes"])]
    run(command, note, timeout=START_SECONDS)

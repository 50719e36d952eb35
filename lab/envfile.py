"""`var/lab.env` keeps the lab's secrets, `var/<site>.env` all that compose needs to know of one site (mode 0600)."""

from collections.abc import Mapping
from pathlib import Path

from lab.errors import LabError
from lab.paths import CLIENT_CLOUDS_FILE, write_private
from lab.topology import ONE, OUTSIDE, TWO, Topology

#: Where the load balancers take the connections of services whose data the regions share.
REGIONAL_PORT, SHARED_PORT = 3306, 3307
#: The nodes of the database that the regions share are numbered through.
SHARED_ORDINALS = {ONE: (1, 2), TWO: (3, 4), OUTSIDE: (0, 0)}


def values(topology: Topology, database_proxy: str, lab_secrets: Mapping[str, str]) -> dict[str, str]:
    """The content of one site's file: its shape, then the lab's secrets."""
    regions = [topology.at(site) for site in (ONE, TWO)[: topology.regions]]
    first, second = SHARED_ORDINALS[topology.site]
    return {
        "LAB": topology.lab,
        "IMAGE_TAG": topology.lab,
        # With this ending it is a name for both of Docker's cgroup drivers.
        "CGROUP": f"{topology.project}.slice",
        "SITE": topology.site,
        "REGION": topology.region,
        "REGIONS": str(topology.regions),
        "SUBNET": topology.subnet,
        "SUBNETS": " ".join(region.subnet for region in regions),
        "PEER_SUBNET": next((region.subnet for region in regions if region.site != topology.site), ""),
        "SUBNET_ONE": topology.at(ONE).subnet,
        "SUBNET_TWO": topology.at(TWO).subnet,
        "CLIENT_CLOUDS": str(CLIENT_CLOUDS_FILE),
        "OUTSIDE_SUBNET": topology.at(OUTSIDE).subnet,
        "ANYCAST": topology.anycast,
        "SHARED_DB_PORT": str(SHARED_PORT if topology.regions > 1 else REGIONAL_PORT),
        "MAKES_SHARED_TABLES": str(topology.site == ONE).lower(),
        "SHARED_ORDINAL_1": str(first),
        "SHARED_ORDINAL_2": str(second),
        "DB_PROXY": database_proxy,
        "DB_DESIGN": str(topology.design.database),
        "QUEUE_TYPE": str(topology.design.queues),
        **{name: str(port) for name, port in topology.ports.items() if topology.site != OUTSIDE},
        **lab_secrets,
    }


def read(path: Path) -> dict[str, str]:
    """The values of an env file; empty where there is none."""
    if not path.exists():
        return {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise LabError(f"{path} can't be read: {error.strerror}.") from error
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, value in pairs}


def write(path: Path, content: Mapping[str, str]) -> None:
    """Write the file for its owner only."""
    write_private(path, "".join(f"{name}={value}\n" for name, value in content.items()))

"""`var/lab.env`: all that compose needs to know about one lab, secrets included (mode 0600)."""

from collections.abc import Mapping
from pathlib import Path

from lab import secrets
from lab.errors import LabError
from lab.paths import write_private
from lab.topology import Topology


def values(topology: Topology, database_proxy: str, existing: Mapping[str, str]) -> dict[str, str]:
    """The file's content: the shape of the lab, then its secrets, those that exist unchanged."""
    shape = {
        "LAB": topology.lab,
        "IMAGE_TAG": topology.lab,
        "REGION": topology.region,
        "SUBNET": topology.subnet,
        "SUBNETS": topology.subnet,
        "DB_PROXY": database_proxy,
        **{name: str(port) for name, port in topology.ports.items()},
    }
    return shape | secrets.complete(existing)


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

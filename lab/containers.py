"""The containers of one lab, found by their labels: nothing else on the machine is ever touched."""

import io
import re
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import docker
from docker.errors import DockerException
from docker.models.containers import Container

from lab.errors import NoEngineError
from lab.topology import ONE, label

LAB_LABEL = "quorate.lab"
NAME_LABEL = "quorate.name"
SITE_LABEL = "quorate.site"
EXIT_STATUS = re.compile(r"Exited \((\d+)\)")


@dataclass(frozen=True)
class ContainerFacts:
    """One container as the engine sees it."""

    name: str
    container: str
    state: str
    is_connected: bool
    exit_code: int | None = None
    mac: str = ""
    site: str = ONE

    @property
    def label(self) -> str:
        """What a person calls it."""
        return label(self.site, self.name)

    @property
    def is_running(self) -> bool:
        """Running, and not frozen."""
        return self.state == "running"


def read_facts(summaries: list[Mapping[str, Any]]) -> dict[str, ContainerFacts]:
    """The lab's containers by their parts' labels, out of the engine's list."""
    facts = {}
    for summary in summaries:
        name, site = summary["Labels"].get(NAME_LABEL, ""), summary["Labels"].get(SITE_LABEL, ONE)
        networks = (summary.get("NetworkSettings") or {}).get("Networks") or {}
        exited = EXIT_STATUS.match(summary.get("Status", ""))
        facts[label(site, name)] = ContainerFacts(
            name=name,
            container=summary["Names"][0].lstrip("/"),
            state=summary["State"],
            is_connected=bool(networks),
            exit_code=int(exited.group(1)) if exited else None,
            mac=next((network.get("MacAddress", "") for network in networks.values()), ""),
            site=site,
        )
    return facts


def at_site(facts: Mapping[str, ContainerFacts], site: str) -> dict[str, ContainerFacts]:
    """The containers of one site, by the names that parts have there."""
    return {fact.name: fact for fact in facts.values() if fact.site == site}


class LabEngine:
    """The Docker engine, seen through one lab's label."""

    def __init__(self, client: docker.DockerClient, lab: str) -> None:
        self.client = client
        self.lab = lab
        self._filter = {"label": f"{LAB_LABEL}={lab}"}

    def containers(self) -> dict[str, ContainerFacts]:
        """All containers of the lab, dead ones too."""
        return read_facts(self.client.api.containers(all=True, filters=self._filter))

    def network_names(self, site: str | None = None) -> list[str]:
        """The lab's networks, or those of one site."""
        found = self.client.api.networks(filters=self._filter)
        return [each["Name"] for each in found if site in {None, (each.get("Labels") or {}).get(SITE_LABEL, ONE)}]

    def volume_names(self) -> list[str]:
        """The lab's volumes."""
        found = self.client.api.volumes(filters=self._filter)
        return [volume["Name"] for volume in found.get("Volumes") or []]

    def own_subnets(self) -> dict[str, str]:
        """The address range of each site's network that is there."""
        return {
            (network.get("Labels") or {}).get(SITE_LABEL, ONE): config["Subnet"]
            for network in self.client.api.networks(filters=self._filter)
            for config in ((network.get("IPAM") or {}).get("Config") or [])
            if "Subnet" in config
        }

    def foreign_subnets(self) -> list[str]:
        """The address ranges of all networks on this engine that are not the lab's."""
        return [
            config["Subnet"]
            for network in self.client.api.networks()
            if (network.get("Labels") or {}).get(LAB_LABEL) != self.lab
            for config in ((network.get("IPAM") or {}).get("Config") or [])
            if "Subnet" in config
        ]

    def log_end(self, container: str, lines: int = 40) -> str:
        """The last lines of a container's log."""
        raw: bytes = self.client.containers.get(container).logs(tail=lines)
        return raw.decode("utf-8", "replace")


def run_in(container: Container, words: Sequence[str]) -> tuple[int, str]:
    """Exit code and output of a command inside a container. Raises APIError."""
    code, output = container.exec_run(list(words))
    data = output if isinstance(output, bytes) else b"".join(output)
    return int(code or 0), data.decode("utf-8", "replace")


def put_file(container: Container, path: str, data: bytes) -> None:
    """Put a file that everybody may read into a container, whether it runs or not. Raises APIError."""
    directory, _, name = path.rpartition("/")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode, entry.mtime = len(data), 0o644, int(time.time())
        archive.addfile(entry, io.BytesIO(data))
    container.put_archive(directory, buffer.getvalue())


@contextmanager
def open_engine(lab: str, timeout: int = 60) -> Iterator[LabEngine]:
    """The engine, or a clear word that there is none."""
    try:
        client = docker.from_env(timeout=timeout)
    except (DockerException, OSError) as error:
        raise NoEngineError("The Docker engine does not answer; `make up` starts it where it can.") from error
    try:
        client.ping()
    except (DockerException, OSError) as error:
        client.close()
        raise NoEngineError("The Docker engine does not answer; `make up` starts it where it can.") from error
    try:
        yield LabEngine(client, lab)
    finally:
        client.close()

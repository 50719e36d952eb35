"""The containers of one lab, found by their labels: nothing else on the machine is ever touched."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import docker
from docker.errors import DockerException

from lab.errors import NoEngineError

LAB_LABEL = "quorate.lab"
NAME_LABEL = "quorate.name"
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

    @property
    def is_running(self) -> bool:
        """Running, and not frozen."""
        return self.state == "running"


def read_facts(summaries: list[Mapping[str, Any]]) -> dict[str, ContainerFacts]:
    """The lab's containers by part name, out of the engine's list."""
    facts = {}
    for summary in summaries:
        name = summary["Labels"].get(NAME_LABEL, "")
        networks = (summary.get("NetworkSettings") or {}).get("Networks") or {}
        exited = EXIT_STATUS.match(summary.get("Status", ""))
        facts[name] = ContainerFacts(
            name=name,
            container=summary["Names"][0].lstrip("/"),
            state=summary["State"],
            is_connected=bool(networks),
            exit_code=int(exited.group(1)) if exited else None,
            mac=next((network.get("MacAddress", "") for network in networks.values()), ""),
        )
    return facts


class LabEngine:
    """The Docker engine, seen through one lab's label."""

    def __init__(self, client: docker.DockerClient, lab: str) -> None:
        self.client = client
        self.lab = lab
        self._filter = {"label": f"{LAB_LABEL}={lab}"}

    def containers(self) -> dict[str, ContainerFacts]:
        """All containers of the lab, dead ones too."""
        return read_facts(self.client.api.containers(all=True, filters=self._filter))

    def network_names(self) -> list[str]:
        """The lab's networks."""
        return [network["Name"] for network in self.client.api.networks(filters=self._filter)]

    def volume_names(self) -> list[str]:
        """The lab's volumes."""
        found = self.client.api.volumes(filters=self._filter)
        return [volume["Name"] for volume in found.get("Volumes") or []]

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

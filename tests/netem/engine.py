"""What `lab.wan` and `lab.leases` ask of Docker's engine, answered by the network namespaces of a machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from docker.errors import ContainerError, NotFound

from lab.containers import NAME_LABEL, SITE_LABEL
from tests.netem.machine import Machine

#: Where each site's echoes come from and go to: the end of the address of its load balancer or client.
ENDS = {"one": 11, "two": 11, "outside": 8}
SUBNETS = {"one": "10.8.0", "two": "10.8.1", "outside": "10.8.2"}


@dataclass
class Namespace:
    """One container, as far as the lab can tell."""

    machine: Machine
    name: str
    address: str = ""
    state: str = "running"

    @property
    def attrs(self) -> dict[str, Any]:
        """As `docker inspect` has them."""
        return {"NetworkSettings": {"Networks": {"region": {"IPAddress": self.address}}}}

    @property
    def container(self) -> str:
        """Its id."""
        return self.name

    def exec_run(self, command: list[str]) -> tuple[int, bytes]:
        """Run a command in it."""
        code, said = self.machine.run(command, self.name)
        return code, said.encode()


@dataclass
class Engine:
    """The lab's own engine, and the one below it."""

    machine: Machine
    lab: str = "lab"
    namespaces: dict[str, Namespace] = field(init=False)

    def __post_init__(self) -> None:
        ends = {site: f"{SUBNETS[site]}.{suffix}" for site, suffix in ENDS.items()}
        self.namespaces = {site: Namespace(self.machine, site, address) for site, address in ends.items()}
        self.namespaces["wan"] = Namespace(self.machine, "wan")

    @property
    def client(self) -> SimpleNamespace:
        """The engine's client."""
        return SimpleNamespace(containers=SimpleNamespace(list=self._list, get=self._get, run=self._run))

    def containers(self) -> dict[str, Namespace]:
        """All of them."""
        return self.namespaces

    def _list(self, filters: dict[str, Any]) -> list[Namespace]:
        labels = dict(label.split("=", 1) for label in filters["label"])
        name = "wan" if labels.get(NAME_LABEL) == "wan" else labels[SITE_LABEL]
        return [self.namespaces[name]]

    def _get(self, name: str) -> None:
        raise NotFound(f"no container {name}")

    def _run(self, image: str, entrypoint: list[str], network_mode: str, **_: Any) -> None:
        code, said = self.machine.run(entrypoint, network_mode.removeprefix("container:"))
        if code != 0:
            raise ContainerError(image, code, entrypoint, image, said)

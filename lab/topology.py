"""The shape of one region, derived from the lab's name alone: parts, addresses, ports.

Pure: takes plain values and returns plain values. Two labs with different names share nothing.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from lab.errors import BadNameError, LabError

NAME_RULE = re.compile(r"[a-z][a-z0-9-]{0,38}[a-z0-9]")
PORT_SLOTS = range(20000, 29990, 10)
SUBNETS = 100 * 256
REGION = "RegionOne"
VIP_SUFFIX = 10

STATS_PORT, MONITOR_PORT = 8404, 6789


@dataclass(frozen=True)
class Part:
    """One container of a region: its name, what it does, and the end of its address."""

    name: str
    role: str
    suffix: int


def _parts(role: str, first: int, count: int, name: str = "") -> tuple[Part, ...]:
    return tuple(Part(f"{name or role}{n}", role, first + n - 1) for n in range(1, count + 1))


PARTS: tuple[Part, ...] = (
    Part("edge", "edge", 5),
    *_parts("lb", 11, 2),
    *_parts("proxysql", 31, 2),
    *_parts("galera", 21, 3, name="db"),
    *_parts("rabbitmq", 41, 3, name="mq"),
    *_parts("identity", 51, 2),
    *_parts("image", 61, 2),
    *_parts("swift-proxy", 65, 2),
    *_parts("swift", 67, 2),
    *_parts("compute-api", 71, 2),
    *_parts("scheduler", 81, 2),
    *_parts("conductor", 91, 2),
    *_parts("compute", 101, 3),
    *_parts("volume", 116, 2),
    *_parts("mon", 111, 3),
    *_parts("osd", 121, 3),
    Part("bootstrap", "bootstrap", 6),
)


@dataclass(frozen=True)
class Topology:
    """Everything about one lab that follows from its name, or was moved at first `up` to be free."""

    lab: str
    subnet: str
    port_base: int
    region: str = REGION

    @property
    def project(self) -> str:
        """The compose project."""
        return f"{self.lab}-one"

    @property
    def network(self) -> IPv4Network:
        """The lab's own network."""
        return IPv4Network(f"{self.subnet}.0/24")

    @property
    def vip(self) -> str:
        """The address that the two load balancers share."""
        return f"{self.subnet}.{VIP_SUFFIX}"

    @property
    def ports(self) -> dict[str, int]:
        """Ports published on localhost."""
        base = self.port_base
        services = ("IDENTITY", "IMAGE", "COMPUTE", "VOLUME", "OBJECT")
        return {f"PORT_{service}": base + place for place, service in enumerate(services)}

    @property
    def identity_url(self) -> str:
        """Where clients on this machine find identity."""
        return f"http://127.0.0.1:{self.ports['PORT_IDENTITY']}"

    @property
    def image_url(self) -> str:
        """Where clients on this machine find image."""
        return f"http://127.0.0.1:{self.ports['PORT_IMAGE']}"

    @property
    def compute_url(self) -> str:
        """Where clients on this machine find compute."""
        return f"http://127.0.0.1:{self.ports['PORT_COMPUTE']}"

    @property
    def volume_url(self) -> str:
        """Where clients on this machine find volumes."""
        return f"http://127.0.0.1:{self.ports['PORT_VOLUME']}"

    @property
    def object_url(self) -> str:
        """Where clients on this machine find object storage."""
        return f"http://127.0.0.1:{self.ports['PORT_OBJECT']}"

    @property
    def monitors(self) -> list[str]:
        """The block store's monitors, each as `address:port`."""
        return [self.monitor(part) for part in parts_with_role("mon")]

    def monitor(self, part: Part) -> str:
        """Where one monitor listens."""
        return f"{self.address(part)}:{MONITOR_PORT}"

    def address(self, part: Part) -> str:
        """The fixed address of a part."""
        return f"{self.subnet}.{part.suffix}"

    def container(self, name: str) -> str:
        """The container name of a part."""
        return f"{self.project}-{name}"


def parts_with_role(role: str) -> tuple[Part, ...]:
    """All parts that do the same thing."""
    return tuple(part for part in PARTS if part.role == role)


def lab_name(environment: Mapping[str, str], root: Path) -> str:
    """The name asked for in QUORATE_LAB, or one that follows from the checkout's path."""
    name = environment.get("QUORATE_LAB") or f"quorate-{hashlib.sha256(str(root).encode()).hexdigest()[:6]}"
    if not NAME_RULE.fullmatch(name):
        raise BadNameError(
            f"QUORATE_LAB={name!r} is not a lab name: use 2 to 40 lower-case letters, digits and hyphens,"
            " beginning with a letter and ending with a letter or digit."
        )
    return name


def _number(lab: str, purpose: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{purpose}:{lab}".encode()).digest()[:8], "big")


def free_subnet(lab: str, taken: Iterable[IPv4Network]) -> str:
    """The first three bytes of the lab's network: the name's own place, or the next that nobody uses."""
    in_use = [network for network in taken if network.prefixlen > 0]
    first = _number(lab, "subnet")
    for step in range(SUBNETS):
        slot = (first + step) % SUBNETS
        prefix = f"10.{100 + slot // 256}.{slot % 256}"
        if not any(network.overlaps(IPv4Network(f"{prefix}.0/24")) for network in in_use):
            return prefix
    raise LabError("No free network between 10.100.0.0 and 10.199.255.0 is left on this machine.")


def free_port_base(lab: str, is_free: Callable[[int], bool]) -> int:
    """The first of the lab's ten ports: the name's own place, or the next slot whose ports are free."""
    first = _number(lab, "ports") % len(PORT_SLOTS)
    for step in range(len(PORT_SLOTS)):
        base = PORT_SLOTS[(first + step) % len(PORT_SLOTS)]
        if all(is_free(port) for port in range(base, base + 5)):
            return base
    raise LabError("No free ports between 20000 and 29990 are left on this machine.")

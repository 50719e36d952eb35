"""Where a lab goes on this machine: name, networks, ports. All follow from the name and step aside for others.

Pure: takes plain values and returns plain values. Two labs with different names share nothing.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Network
from pathlib import Path

from lab.errors import BadNameError, LabError
from lab.topology import SITES, shifted

NAME_RULE = re.compile(r"[a-z][a-z0-9-]{0,38}[a-z0-9]")
PORTS_OF_A_LAB = 10
PORT_SLOTS = range(20000, 29990, PORTS_OF_A_LAB)
#: Networks of a lab, side by side: region one, region two, the third site, and the addresses that are announced.
NETWORKS_OF_A_LAB = 4
BLOCK_PREFIX = 22
DEFAULT_REGIONS = 2
BLOCKS = 100 * 256 // NETWORKS_OF_A_LAB


def lab_name(environment: Mapping[str, str], root: Path) -> str:
    """The name asked for in QUORATE_LAB, or one that follows from the checkout's path."""
    name = environment.get("QUORATE_LAB") or f"quorate-{hashlib.sha256(str(root).encode()).hexdigest()[:6]}"
    if not NAME_RULE.fullmatch(name):
        raise BadNameError(
            f"QUORATE_LAB={name!r} is not a lab name: use 2 to 40 lower-case letters, digits and hyphens,"
            " beginning with a letter and ending with a letter or digit."
        )
    return name


def wanted_regions(environment: Mapping[str, str], before: int | None) -> int:
    """How many regions a lab has: what it has already, else what REGIONS asks for, else the default."""
    asked = environment.get("REGIONS", "")
    if asked not in {"", "1", "2"}:
        raise BadNameError(f"REGIONS={asked!r}: a lab has 1 region or 2.")
    if before is None:
        return int(asked or DEFAULT_REGIONS)
    if asked and int(asked) != before:
        raise LabError(
            f"This lab has {before} region{'s' * (before > 1)}, and identity's data lie elsewhere with {asked}:"
            f" `quorate down` removes it, then `make up REGIONS={asked}` begins anew."
        )
    return before


def block(subnet: str) -> IPv4Network:
    """All networks of the lab whose first network begins with these three bytes."""
    return IPv4Network(f"{subnet}.0/{BLOCK_PREFIX}", strict=False)


def is_aligned(subnet: str) -> bool:
    """Whether a lab may begin at these three bytes."""
    return str(block(subnet).network_address) == f"{subnet}.0"


def free_subnet(lab: str, taken: Iterable[IPv4Network]) -> str:
    """The first three bytes of the lab's first network: the name's own place, or the next that nobody uses."""
    in_use = [network for network in taken if network.prefixlen > 0]
    first = _number(lab, "subnet")
    for step in range(BLOCKS):
        place = (first + step) % BLOCKS * NETWORKS_OF_A_LAB
        prefix = f"10.{100 + place // 256}.{place % 256}"
        if not any(network.overlaps(block(prefix)) for network in in_use):
            return prefix
    raise LabError("No free networks between 10.100.0.0 and 10.199.255.0 are left on this machine.")


def subnet_of(networks: Mapping[str, str]) -> str | None:
    """Where a lab began whose networks are still there, given as `{site: "10.1.2.0/24"}`; None where there are none."""
    for site, network in networks.items():
        return shifted(str(IPv4Network(network).network_address).rpartition(".")[0], -SITES.index(site))
    return None


def free_port_base(lab: str, is_free: Callable[[int], bool]) -> int:
    """The first of the lab's ten ports: the name's own place, or the next slot whose ports are free."""
    first = _number(lab, "ports") % len(PORT_SLOTS)
    for step in range(len(PORT_SLOTS)):
        base = PORT_SLOTS[(first + step) % len(PORT_SLOTS)]
        if all(is_free(port) for port in range(base, base + PORTS_OF_A_LAB)):
            return base
    raise LabError("No free ports between 20000 and 29990 are left on this machine.")


def _number(lab: str, purpose: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{purpose}:{lab}".encode()).digest()[:8], "big")

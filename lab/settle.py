"""Finds the lab's place on this machine: its name's own network and ports, or the next that nobody uses."""

import socket
import struct
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

from lab.containers import LabEngine
from lab.places import block, free_port_base, free_subnet, is_aligned, subnet_of
from lab.state import LabState

ROUTES = Path("/proc/net/route")
WIDE_PREFIX = 8


def settle(state: LabState | None, lab: str, engine: LabEngine, regions: int) -> LabState:
    """Keep the place that the lab has while it uses it, and move what others took in the meantime.

    Networks that an earlier lab of this name left behind are used again: compose would not look at their addresses.
    """
    if state is None:
        subnet = subnet_of(engine.own_subnets()) or free_subnet(lab, _taken(engine))
        return LabState(lab, subnet, free_port_base(lab, port_is_free), regions=regions)
    if not engine.network_names() and not _fits(state.subnet, _taken(engine)):
        state = replace(state, subnet=free_subnet(lab, _taken(engine)))
    publishing = any(fact.name == "edge" and fact.is_running for fact in engine.containers().values())
    ports = [port for topology in state.region_topologies for port in topology.ports.values()]
    if not publishing and not all(map(port_is_free, ports)):
        state = replace(state, port_base=free_port_base(lab, port_is_free))
    return state


def port_is_free(port: int) -> bool:
    """Whether a port on localhost could be listened on."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def known_routes() -> list[IPv4Network]:
    """The networks that this machine has a route to; none where it does not say (not Linux)."""
    return parse_routes(ROUTES.read_text(encoding="ascii")) if ROUTES.exists() else []


def parse_routes(text: str) -> list[IPv4Network]:
    """The networks in Linux's routing table, those left out that are so wide that they cover everything."""
    networks = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        address, mask = (struct.pack("<I", int(field, 16)) for field in (fields[1], fields[7]))
        network = IPv4Network((address, bin(int.from_bytes(mask, "big")).count("1")))
        if network.prefixlen > WIDE_PREFIX:
            networks.append(network)
    return networks


def _taken(engine: LabEngine) -> list[IPv4Network]:
    foreign = [IPv4Network(subnet) for subnet in engine.foreign_subnets() if ":" not in subnet]
    return known_routes() + foreign


def _fits(subnet: str, taken: list[IPv4Network]) -> bool:
    return is_aligned(subnet) and not any(block(subnet).overlaps(other) for other in taken)

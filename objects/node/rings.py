"""What lies where. Pure: every node works the rings out for itself and comes to the same.

Two storage nodes in each region, each a zone with one device; as many copies as devices. So each device holds a copy of
everything, and either region alone has all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

PART_POWER = 4
SEED = "quorate"  # of the order in which a partition's devices are asked
DEVICE = "d1"
ZONES = {1: 67, 2: 68}  # zone of a region to the end of its node's address
PORTS = {"account": 6202, "container": 6201, "object": 6200}


class Device(NamedTuple):
    """One disk of the cluster."""

    id: int
    region: int
    zone: int
    ip: str


def devices(subnets: Sequence[str]) -> list[Device]:
    """Every device of the cluster. A region that joins later changes nothing about those that are there."""
    return [
        Device((region - 1) * len(ZONES) + zone - 1, region, zone, f"{subnet}.{suffix}")
        for region, subnet in enumerate(subnets, start=1)
        for zone, suffix in ZONES.items()
    ]


def replicas(subnets: Sequence[str]) -> int:
    """How many copies there are of everything."""
    return len(devices(subnets))


def entry(device: Device, kind: str) -> dict[str, int | float | str]:
    """A device as Swift's ring builder wants it."""
    port = PORTS[kind]
    return {
        "id": device.id,
        "region": device.region,
        "zone": device.zone,
        "ip": device.ip,
        "port": port,
        "replication_ip": device.ip,
        "replication_port": port,
        "device": DEVICE,
        "weight": 100.0,
        "meta": "",
    }

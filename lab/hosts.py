"""Compute hosts as the region's administrator sees them, and whether more is promised of one than it has. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

#: Processors may be promised this many times (Nova's cpu_allocation_ratio); memory and disk only once.
CPU_RATIO = 4


@dataclass(frozen=True, slots=True)
class Host:
    """One hypervisor: what it has and what the region believes is taken of it."""

    name: str
    vcpus: int
    memory_mb: int
    disk_gb: int
    vcpus_used: int = 0
    memory_mb_used: int = 0
    disk_gb_used: int = 0


def read_host(row: Mapping[str, Any]) -> Host:
    """One row of `GET /os-hypervisors/detail`, up to microversion 2.87."""
    return Host(
        name=row["hypervisor_hostname"],
        vcpus=row["vcpus"],
        memory_mb=row["memory_mb"],
        disk_gb=row["local_gb"],
        vcpus_used=row["vcpus_used"],
        memory_mb_used=row["memory_mb_used"],
        disk_gb_used=row["local_gb_used"],
    )


def overcommitted(host: Host) -> Iterator[str]:
    """A sentence for each thing of which the host's claims take more than there is."""
    yield from too_much(host, "claims", host.vcpus_used, host.memory_mb_used, host.disk_gb_used)


def too_much(host: Host, what: str, vcpus: int, memory_mb: int, disk_gb: int) -> Iterator[str]:
    """A sentence for each thing that is taken of a host beyond what it has."""
    for name, used, has in (
        ("processors", vcpus, host.vcpus * CPU_RATIO),
        ("MiB of memory", memory_mb, host.memory_mb),
        ("GiB of disk", disk_gb, host.disk_gb),
    ):
        if used > has:
            yield f"{host.name} has {has} {name}, its {what} take {used}"

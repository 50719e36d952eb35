"""A node's settings, read once from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Settings(NamedTuple):
    """Where this node is, and what all nodes of the cluster must agree on."""

    subnets: tuple[str, ...]  # first three bytes of each region's network, region one first
    subnet: str  # this region's
    region_name: str
    hash_prefix: str
    hash_suffix: str
    service_password: str

    @property
    def region(self) -> int:
        """This region's number in the rings."""
        return self.subnets.index(self.subnet) + 1


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Settings from variables; exits with what is missing or contradicts itself."""
    wanted = ("SUBNETS", "SUBNET", "REGION", "SWIFT_HASH_PREFIX", "SWIFT_HASH_SUFFIX", "SERVICE_PASSWORD")
    missing = [name for name in wanted if not environment.get(name)]
    if missing:
        raise SystemExit(f"not set: {' '.join(missing)}")
    subnets, subnet = tuple(environment["SUBNETS"].split()), environment["SUBNET"]
    if subnet not in subnets:
        raise SystemExit(f"SUBNET {subnet} is not one of SUBNETS {' '.join(subnets)}")
    return Settings(
        subnets=subnets,
        subnet=subnet,
        region_name=environment["REGION"],
        hash_prefix=environment["SWIFT_HASH_PREFIX"],
        hash_suffix=environment["SWIFT_HASH_SUFFIX"],
        service_password=environment["SERVICE_PASSWORD"],
    )

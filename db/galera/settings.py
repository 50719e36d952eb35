"""The node's settings, read once from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

SHARED_SUFFIXES = (24, 25)
"""The last byte of the addresses that each region's nodes of a shared cluster have."""


class Settings(NamedTuple):
    """Who this node is and which accounts its cluster must have."""

    ordinal: int
    addresses: dict[int, str]
    cluster: str
    root_password: str
    databases: dict[str, str]  # database, and user of the same name, to password
    monitor_password: str
    segments: dict[int, int]  # the region of each node; 0 for all of them where the cluster is within one region
    arbitrator: str = ""  # the address of the member that keeps no data, if there is one

    @property
    def address(self) -> str:
        """This node's own address."""
        return self.addresses[self.ordinal]

    @property
    def segment(self) -> int:
        """The region that this node is in."""
        return self.segments[self.ordinal]

    @property
    def distant(self) -> bool:
        """Whether the cluster spans regions."""
        return self.segment != 0

    @property
    def peers(self) -> dict[int, str]:
        """Addresses of the other nodes."""
        return {ordinal: address for ordinal, address in self.addresses.items() if ordinal != self.ordinal}

    @property
    def far(self) -> dict[int, str]:
        """Addresses of the nodes in other regions."""
        return {one: address for one, address in self.addresses.items() if self.segments[one] != self.segment}

    @property
    def others(self) -> dict[str, str]:
        """Addresses of the other members by the names that they have in the cluster, the arbitrator's too."""
        nodes = {f"db{ordinal}": address for ordinal, address in self.peers.items()}
        return nodes | ({"arbitrator": self.arbitrator} if self.arbitrator else {})


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Settings from variables; exits with all that is missing."""
    wanted = ("DB_ORDINAL", "DB_CLUSTER", "DB_ROOT_PASSWORD", "DB_MONITOR_PASSWORD", "DB_DATABASES")
    missing = [name for name in wanted if not environment.get(name)]
    databases = environment.get("DB_DATABASES", "").split()
    missing += [name for name in map(password_variable, databases) if not environment.get(name)]
    places = read_places(environment)
    if not places:
        missing.append("DB_ADDRESSES or DB_SUBNETS")
    if missing:
        raise SystemExit(f"not set: {' '.join(missing)}")
    return Settings(
        ordinal=int(environment["DB_ORDINAL"]),
        addresses={ordinal: address for ordinal, (address, _) in places.items()},
        cluster=environment["DB_CLUSTER"],
        root_password=environment["DB_ROOT_PASSWORD"],
        databases={name: environment[password_variable(name)] for name in databases},
        monitor_password=environment["DB_MONITOR_PASSWORD"],
        segments={ordinal: segment for ordinal, (_, segment) in places.items()},
        arbitrator=environment.get("DB_ARBITRATOR", ""),
    )


def read_places(environment: Mapping[str, str]) -> dict[int, tuple[str, int]]:
    """Address and segment of each node.

    A cluster within a region names its nodes (`DB_ADDRESSES`); one over several regions has two nodes in each of
    `DB_SUBNETS`, which holds the first three bytes of the regions' networks.
    """
    within = [(address, 0) for address in environment.get("DB_ADDRESSES", "").split()]
    regions = enumerate(environment.get("DB_SUBNETS", "").split(), start=1)
    over = [(f"{subnet}.{suffix}", segment) for segment, subnet in regions for suffix in SHARED_SUFFIXES]
    return dict(enumerate(within or over, start=1))


def password_variable(database: str) -> str:
    """The variable that holds the password of a database's user."""
    return f"DB_{database.upper()}_PASSWORD"

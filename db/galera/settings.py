"""The node's settings, read once from the environment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Settings(NamedTuple):
    """Who this node is and which accounts its cluster must have."""

    ordinal: int
    addresses: dict[int, str]
    cluster: str
    root_password: str
    databases: dict[str, str]  # database, and user of the same name, to password
    monitor_password: str
    segments: dict[int, int]  # the region of each node; 0 for all of them where the cluster is within one region

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


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Settings from variables; exits with all that is missing."""
    wanted = ("DB_ORDINAL", "DB_ADDRESSES", "DB_CLUSTER", "DB_ROOT_PASSWORD", "DB_MONITOR_PASSWORD", "DB_DATABASES")
    missing = [name for name in wanted if not environment.get(name)]
    databases = environment.get("DB_DATABASES", "").split()
    missing += [name for name in map(password_variable, databases) if not environment.get(name)]
    if missing:
        raise SystemExit(f"not set: {' '.join(missing)}")
    addresses = dict(enumerate(environment["DB_ADDRESSES"].split(), start=1))
    return Settings(
        ordinal=int(environment["DB_ORDINAL"]),
        addresses=addresses,
        cluster=environment["DB_CLUSTER"],
        root_password=environment["DB_ROOT_PASSWORD"],
        databases={name: environment[password_variable(name)] for name in databases},
        monitor_password=environment["DB_MONITOR_PASSWORD"],
        segments=segments_of(addresses, environment.get("DB_SEGMENTS", "")),
    )


def segments_of(addresses: Iterable[int], words: str) -> dict[int, int]:
    """The segment of each node, from one word per node or none at all."""
    ordinals = list(addresses)
    segments = [int(word) for word in words.split()] or [0] * len(ordinals)
    if len(segments) != len(ordinals):
        raise SystemExit(f"DB_SEGMENTS names {len(segments)} nodes, DB_ADDRESSES {len(ordinals)}")
    return dict(zip(ordinals, segments, strict=True))


def password_variable(database: str) -> str:
    """The variable that holds the password of a database's user."""
    return f"DB_{database.upper()}_PASSWORD"

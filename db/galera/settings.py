"""The node's settings, read once from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Settings(NamedTuple):
    """Who this node is and which accounts its cluster must have."""

    ordinal: int
    addresses: dict[int, str]
    cluster: str
    root_password: str
    databases: dict[str, str]  # database, and user of the same name, to password
    monitor_password: str

    @property
    def address(self) -> str:
        """This node's own address."""
        return self.addresses[self.ordinal]

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
    )


def password_variable(database: str) -> str:
    """The variable that holds the password of a database's user."""
    return f"DB_{database.upper()}_PASSWORD"

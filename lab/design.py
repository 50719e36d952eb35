"""The architecture of a lab: how its database, its load balancers and its queues stand. Pure.

Asked for at the first `up` by DB, LB and MQ, remembered since, and not to be changed under data that exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from lab.errors import BadNameError, LabError


class Database(StrEnum):
    """How three database nodes stand together."""

    GALERA = "galera"  # every commit is certified by a majority; one node at a time takes the writes
    MULTIWRITER = "galera-multiwriter"  # the same cluster, every node takes writes
    REPLICATION = "replication"  # a primary, and replicas that follow its log when they can
    SEMISYNC = "semisync"  # the same, and a commit waits until one replica has it


class Balancers(StrEnum):
    """What stands before a region."""

    VRRP = "vrrp"
    SINGLE = "single"


class Queues(StrEnum):
    """Where the messages of a queue are."""

    QUORUM = "quorum"
    CLASSIC = "classic"


#: What a lab asks for: the variable of each, and the word that names it within a design's own name.
DATABASE, BALANCERS, QUEUES = "DB", "LB", "MQ"
SEPARATOR = "+"

Kind = TypeVar("Kind", bound=StrEnum)


@dataclass(frozen=True)
class Design:
    """One architecture."""

    database: Database = Database.GALERA
    balancers: Balancers = Balancers.VRRP
    queues: Queues = Queues.QUORUM

    @property
    def replicates(self) -> bool:
        """Whether the database has a primary and replicas, and a person who promotes."""
        return self.database in {Database.REPLICATION, Database.SEMISYNC}

    @property
    def has_one_writer(self) -> bool:
        """Whether one node at a time takes the writes."""
        return self.database is not Database.MULTIWRITER

    @property
    def name(self) -> str:
        """As a person writes it: `galera`, `replication+lb=single`."""
        words = [str(self.database)]
        words += [f"lb={self.balancers}"] if self.balancers is not Balancers.VRRP else []
        words += [f"mq={self.queues}"] if self.queues is not Queues.QUORUM else []
        return SEPARATOR.join(words)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that ask for it."""
        return {DATABASE: str(self.database), BALANCERS: str(self.balancers), QUEUES: str(self.queues)}


DEFAULT = Design()


def parse(name: str) -> Design:
    """The design of that name: its words, in any order, joined by a plus. Raises BadNameError."""
    asked: dict[str, str] = {}
    for word in name.split(SEPARATOR):
        kind, has_kind, value = word.strip().lower().rpartition("=")
        variable = kind.upper() if has_kind else DATABASE
        if variable not in DEFAULT.environment or variable in asked:
            raise BadNameError(f"{name!r} names no design: say galera, semisync, lb=single, replication+mq=classic.")
        asked[variable] = value
    return asked_for(asked)


def asked_for(variables: Mapping[str, str]) -> Design:
    """The design that these variables ask for; the default where they are not set. Raises BadNameError."""
    return Design(
        _one_of(Database, DATABASE, variables),
        _one_of(Balancers, BALANCERS, variables),
        _one_of(Queues, QUEUES, variables),
    )


def wanted_design(environment: Mapping[str, str], before: Design | None) -> Design:
    """The lab's design: the one that it has, else what is asked for. Raises LabError where the two differ."""
    asked = {name: value for name in DEFAULT.environment if (value := environment.get(name, ""))}
    if before is None:
        return asked_for(asked)
    wanted = asked_for(before.environment | asked)
    if wanted != before:
        words = " ".join(f"{name}={value}" for name, value in asked.items())
        raise LabError(
            f"This lab is of the design {before.name}, and its data lie otherwise in {wanted.name}:"
            f" `quorate down` removes it, then `make up {words}` begins anew."
        )
    return before


def _one_of(kind: type[Kind], variable: str, variables: Mapping[str, str]) -> Kind:
    value = variables.get(variable, "")
    try:
        return kind(value) if value else next(iter(kind))
    except ValueError as error:
        raise BadNameError(f"{variable}={value!r} is unknown: it is {' or '.join(kind)}.") from error

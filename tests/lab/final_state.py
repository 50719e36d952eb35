"""What is there when everything is over, as plain values. None means: it could not be read."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lab.hosts import Host

#: Where a server may rest.
FINAL_STATUS = frozenset({"ACTIVE", "SHUTOFF", "ERROR"})


@dataclass(frozen=True, slots=True)
class Server:
    """One server as its user sees it, and the host that only administrators see."""

    id: str
    name: str
    status: str
    task: str | None = None
    host: str | None = None
    fault: str = ""
    vcpus: int = 1
    memory_mb: int = 64
    disk_gb: int = 1


@dataclass(frozen=True, slots=True)
class Guest:
    """One line of a host's own journal: a guest, and how often each order was carried out for it."""

    host: str
    server: str
    done: Mapping[str, int]
    is_gone: bool = False


@dataclass(frozen=True)
class FinalState:
    """Everything that the verdict needs: rows by noun ("user", "project", "image") as id -> name, and the rest."""

    rows: Mapping[str, Mapping[str, str] | None] = field(default_factory=dict)
    checksums: Mapping[str, str] | None = None
    tags: Mapping[str, frozenset[str]] | None = None
    #: Of object storage: the checksum of each object by its name.
    objects: Mapping[str, str] | None = None
    servers: tuple[Server, ...] | None = None
    hosts: tuple[Host, ...] | None = None
    guests: tuple[Guest, ...] | None = None

"""What the probes saw, as plain values. None means: it did not answer."""

from dataclasses import dataclass, field

from lab.containers import ContainerFacts

#: Phases of a node that follows another.
REPLICA_PHASES = frozenset({"replica", "cut", "diverged", "broken"})


@dataclass(frozen=True)
class ServerRow:
    """One server of one load balancer's backend, as HAProxy sees it."""

    backend: str
    server: str
    status: str
    check: str = ""
    weight: int = 1  # of the connections that come; 0: none

    @property
    def is_up(self) -> bool:
        """Requests go to it."""
        return self.status.startswith("UP") or self.status == "no check"


@dataclass(frozen=True)
class GaleraNode:
    """One line of a database node's state port. `uuid` is the last transaction's id where nodes replicate."""

    uuid: str
    seqno: int
    phase: str
    follows: str = ""  # the number of the node that a replica follows


@dataclass(frozen=True)
class Queue:
    """One queue: who leads it, and which members are there (a classic queue has one, and no others)."""

    name: str
    leader: str
    members: int
    online: int


@dataclass(frozen=True)
class Broker:
    """The RabbitMQ cluster as one of its nodes tells it."""

    running: frozenset[str]
    queues: tuple[Queue, ...] = ()
    full: frozenset[str] = frozenset()
    """Nodes that find their disks full: while there is one, none that has heard of it takes a message."""


@dataclass(frozen=True)
class Agent:
    """One scheduler, conductor or compute process as the compute API lists it."""

    binary: str
    host: str
    is_up: bool
    is_enabled: bool


@dataclass(frozen=True)
class StoreOsd:
    """One OSD of the block store as the monitors' map has it, and of how many placement groups it is the primary."""

    is_up: bool
    is_in: bool
    primary: int
    is_full: bool = False


@dataclass(frozen=True)
class Store:
    """The block store as its monitors tell it; OSDs by host, placement groups counted by state."""

    answering: frozenset[str]
    deciding: frozenset[str]  # monitors whose map can change: they have a majority
    osds: dict[str, StoreOsd]
    groups: dict[str, int]


@dataclass(frozen=True)
class Facts:
    """Everything that was seen of one region at one moment."""

    containers: dict[str, ContainerFacts]
    is_routed: bool = True  # False where this machine can't reach the lab's network, only what is published
    address_holder: str | None = None  # as this machine's neighbour table has it
    owners: frozenset[str] = frozenset()  # the load balancers that say that they have the address
    balancers: dict[str, tuple[ServerRow, ...] | None] = field(default_factory=dict)
    galera: dict[str, GaleraNode | None] = field(default_factory=dict)
    writers: dict[str, str | None] = field(default_factory=dict)
    shared: dict[str, GaleraNode | None] = field(default_factory=dict)
    #: What each of the region's DNS servers answers: addresses by the name of a shared service.
    names: dict[str, dict[str, tuple[str, ...]] | None] = field(default_factory=dict)
    broker: Broker | None = None
    agents: tuple[Agent, ...] | None = None
    object_servers: dict[str, frozenset[str]] = field(default_factory=dict)  # those of each storage node that answer
    store: Store | None = None
    published: dict[str, bool] = field(default_factory=dict)

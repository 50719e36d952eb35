"""The status of a lab: its sites, the functions of each, their parts, and what follows from them. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from lab.design import DEFAULT, Design

#: Of these, more than half must work. (A database node that is in step is in the component that has the quorum: those
#: that left in good order are not missed.)
QUORUM_ROLES = {"rabbitmq", "mon", "osd"}


class Health(StrEnum):
    """How a part does."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    DOWN = "down"


class Verdict(StrEnum):
    """How a function, a region or the lab does as a whole."""

    REDUNDANT = "redundant"
    SERVING = "serving"
    FAILING = "failing"


@dataclass(frozen=True)
class PartStatus:
    """One part, with one sentence about it."""

    name: str
    role: str
    address: str
    container: str
    health: Health
    says: str


@dataclass(frozen=True)
class RoleStatus:
    """All parts that do the same."""

    role: str
    parts: tuple[PartStatus, ...]

    @property
    def good(self) -> int:
        """How many of them work."""
        return sum(part.health is Health.GOOD for part in self.parts)

    @property
    def needed(self) -> int:
        """How many must work so that the function is served."""
        return len(self.parts) // 2 + 1 if self.role in QUORUM_ROLES else 1

    @property
    def verdict(self) -> Verdict:
        """Whether the function is served, and whether it could lose a part."""
        if self.good == len(self.parts):
            return Verdict.REDUNDANT
        return Verdict.SERVING if self.good >= self.needed else Verdict.FAILING


@dataclass(frozen=True)
class RegionStatus:
    """One region at one moment."""

    lab: str
    region: str
    site: str
    address: str
    address_holder: str | None
    is_routed: bool
    database_proxy: str
    database_proxy_reason: str
    writer: str | None
    galera_size: int
    queue_leaders: dict[str, str]
    thin_queues: tuple[str, ...]
    thin_groups: tuple[str, ...]  # placement groups that serve with less than all their copies
    idle_groups: tuple[str, ...]  # placement groups that do not serve
    roles: tuple[RoleStatus, ...]
    design: Design = DEFAULT
    address_owners: tuple[str, ...] = ()  # the load balancers that say that they have the address

    @property
    def is_split(self) -> bool:
        """Whether the address has more than one owner."""
        return len(self.address_owners) > 1

    @property
    def unwell(self) -> tuple[PartStatus, ...]:
        """The parts that do not work as they should."""
        return tuple(part for role in self.roles for part in role.parts if part.health is not Health.GOOD)

    @property
    def verdict(self) -> Verdict:
        """The worst of its functions."""
        found = {role.verdict for role in self.roles}
        found |= {Verdict.SERVING} if self.is_split else set()
        found |= {Verdict.SERVING} if self.thin_queues or self.thin_groups else set()
        found |= {Verdict.FAILING} if self.idle_groups else set()
        return worst(found)

    @property
    def sentence(self) -> str:
        """The state of the region in one sentence."""
        failing = [role.role for role in self.roles if role.verdict is Verdict.FAILING]
        failing += self.idle_groups
        thin = [
            f"{role.role} ({role.good} of {len(role.parts)})" for role in self.roles if role.verdict is Verdict.SERVING
        ]
        if failing:
            return f"Not served: {', '.join(failing)}."
        thin += [f"queue {queue}" for queue in self.thin_queues]
        thin += self.thin_groups
        if self.is_split:
            return (
                f"Serving, but the address has {len(self.address_owners)} owners: {' and '.join(self.address_owners)}."
            )
        if thin:
            return f"Serving, with less redundancy in {', '.join(thin)}."
        return "Serving, everything redundant."


@dataclass(frozen=True)
class OutsideStatus:
    """The third site: the way between the regions, the arbitrator, and a client in the world."""

    roles: tuple[RoleStatus, ...]
    #: What the way between the sites does to traffic, one sentence; empty while it does nothing.
    way: str = ""


@dataclass(frozen=True)
class LabStatus:
    """The whole lab at one moment; `outside` is None with one region."""

    lab: str
    regions: tuple[RegionStatus, ...]
    outside: OutsideStatus | None = None

    @property
    def verdict(self) -> Verdict:
        """Failing when every region is, redundant when nothing at all lacks."""
        of_regions = {region.verdict for region in self.regions}
        if of_regions == {Verdict.FAILING}:
            return Verdict.FAILING
        of_outside = {role.verdict for role in self.outside.roles} if self.outside else set()
        way = {Verdict.SERVING} if self.outside and self.outside.way else set()
        return Verdict.REDUNDANT if of_regions | of_outside | way == {Verdict.REDUNDANT} else Verdict.SERVING

    def region(self, site: str) -> RegionStatus:
        """One region's status."""
        return next(region for region in self.regions if region.site == site)


def worst(found: Iterable[Verdict]) -> Verdict:
    """The worst of several."""
    there = set(found)
    return next((each for each in (Verdict.FAILING, Verdict.SERVING) if each in there), Verdict.REDUNDANT)

"""What the third site does, from what was seen of it. Pure."""

from collections.abc import Mapping

from lab.assess import container_state
from lab.containers import ContainerFacts, at_site
from lab.status_model import Health, OutsideStatus, PartStatus, RoleStatus
from lab.topology import OUTSIDE, Part, Topology

SAYS = {
    "wan": "joins the sites",
    "arbitrator": "votes in the database that the regions share",
    "client": "`quorate shell client`",
}


def assess_outside(topology: Topology, containers: Mapping[str, ContainerFacts], way: str = "") -> OutsideStatus:
    """Judge what was seen of the third site; `way` says what is done to traffic between the sites."""
    outside, there = topology.at(OUTSIDE), at_site(containers, OUTSIDE)
    parts = [_part(outside, part, there.get(part.name), way) for part in outside.parts]
    return OutsideStatus(tuple(RoleStatus(part.role, (part,)) for part in parts), way)


def _part(outside: Topology, part: Part, fact: ContainerFacts | None, way: str) -> PartStatus:
    state = container_state(fact)
    health = Health.GOOD if state == "running" else Health.DOWN
    says = (way if part.role == "wan" else "") or SAYS[part.role]
    return PartStatus(part.name, part.role, outside.address(part), state, health, says if health is Health.GOOD else "")

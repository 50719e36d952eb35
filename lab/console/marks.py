"""What a part is now, in one word and one shape, and what it does that its like do not. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from lab.status_model import Health, LabStatus, PartStatus, RegionStatus
from lab.topology import OUTSIDE


class Condition(StrEnum):
    """How a part does; the value is the word in the picture."""

    GOOD = "good"
    DOUBT = "doubt"
    DEAD = "dead"
    FROZEN = "frozen"
    ALONE = "cut off"
    MISSING = "missing"


class Sign(NamedTuple):
    """A condition as it is drawn: what it means, a shape around (0, 0), how its box is filled."""

    means: str
    shape: str
    is_stroke: bool  # the shape is lines, not an area


SIGNS = {
    Condition.GOOD: Sign("works", "M-5 0A5 5 0 1 1 5 0A5 5 0 1 1 -5 0Z", False),
    Condition.DOUBT: Sign(
        "runs, does not do its work", "M0 -6A6 6 0 0 0 0 6ZM0 -6A6 6 0 0 1 0 6V4.4A4.4 4.4 0 0 0 0 -4.4Z", False
    ),
    Condition.DEAD: Sign("dead", "M-4.5 -4.5L4.5 4.5M4.5 -4.5L-4.5 4.5", True),
    Condition.FROZEN: Sign("frozen", "M-3 -5V5M3 -5V5", True),
    Condition.ALONE: Sign("cut off the network", "M-6 0H-2M2 0H6M-2 -5V5M2 -5V5", True),
    Condition.MISSING: Sign("not there", "M-5 0H5", True),
}
STATES = {"dead": Condition.DEAD, "exited": Condition.DEAD, "paused": Condition.FROZEN, "cut off": Condition.ALONE}
#: The queue whose leader is shown: the one that builds go through.
QUEUE = "conductor"


def condition(part: PartStatus) -> Condition:
    """How a part does."""
    if part.health is Health.GOOD:
        return Condition.GOOD
    if part.health is Health.DOUBTFUL:
        return Condition.DOUBT
    return STATES.get(part.container, Condition.MISSING)


def mark(region: RegionStatus, part: PartStatus) -> str:
    """The one word for what a part does that others of its role do not; empty where there is nothing of the kind."""
    if part.role == "lb" and part.name == region.address_holder:
        return "active"
    if part.role == "galera" and part.name == region.writer:
        return "writer"
    if part.role == "rabbitmq" and part.name == region.queue_leaders.get(QUEUE):
        return "leader"
    return ""


def marks(status: LabStatus) -> dict[tuple[str, str], str]:
    """The marks of all parts, by site and name."""
    return {
        (region.site, part.name): word
        for region in status.regions
        for role in region.roles
        for part in role.parts
        if (word := mark(region, part))
    }


def aloud(site: str, part: PartStatus, word: str) -> str:
    """A part in one sentence, for those who listen and under the pointer."""
    where = "third site" if site == OUTSIDE else f"region-{site}"
    state = condition(part)
    found = [f"{part.name}, {part.role} of {where}" if part.role != part.name else f"{part.name} of {where}"]
    found += [word] if word else []
    found += [SIGNS[state].means] if not (state is Condition.GOOD and part.says) else []
    return ", ".join([*found, *([part.says] if part.says else [])])


def way_word(way: str) -> str:
    """What is done to traffic between the sites, in a word; empty where it is nothing."""
    if not way:
        return ""
    return "cut" if "cut" in way else "lossy" if "loss" in way else "slow"

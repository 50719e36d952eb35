"""Which replica is promoted, and in which steps. Pure: plans are values, `perform` acts on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from lab.errors import BadNameError, LabError
from lab.replication.members import Member, named, primary_of


class Verb(Enum):
    """What is done to one node."""

    CLOSE = "takes no more writes"
    AWAIT = "has everything that {about} has"
    FENCE = "is dead for certain, and takes no writes behind our back"
    SEVER = "listens to its old primary no more"
    DRAIN = "has applied all that it received"
    PROMOTE = "is the primary"


@dataclass(frozen=True)
class Step:
    """One step: what, on which node, and what it is about (another node's name)."""

    verb: Verb
    node: str
    about: str = ""

    @property
    def sentence(self) -> str:
        """What is true once it is done."""
        return f"{self.node} {self.verb.value.format(about=self.about)}"


def switchover(members: Sequence[Member], to: str = "") -> list[Step]:
    """A planned change: the old primary first refuses writes, then the new one has all. Nothing can be lost.

    Raises LabError where there is nobody to take over from, or nobody who could.
    """
    old = primary_of(members)
    if old is None:
        raise LabError("No node takes writes, so there is nothing to switch over from: `quorate db failover`.")
    if to == old.name:
        raise LabError(f"{to} is the primary already.")
    able = [each for each in members if each.receives and each.applies and each.source == old.address]
    new = _chosen(members, able, to, f"it does not follow {old.name} just now")
    return [Step(Verb.CLOSE, old.name), Step(Verb.AWAIT, new.name, old.name), Step(Verb.PROMOTE, new.name)]


def failover(members: Sequence[Member], to: str = "", former: str = "", *, force: bool = False) -> list[Step]:
    """An unplanned change: the primary is gone, and with it what no replica received.

    `former` is the node that the replicas follow. It is fenced first, wherever it is: one that only does not answer may
    come back to life and take writes. Raises LabError where the primary lives and `force` is not given.
    """
    old = primary_of(members)
    if old is not None and not force:
        raise LabError(
            f"{old.name} is the primary and takes writes: `quorate db switchover` loses nothing."
            f" --force kills it and loses what no replica has."
        )
    gone = old.name if old is not None else former
    able = [each for each in members if each.answers and not each.has_diverged and each.name != gone]
    if to and to == gone and old is None:
        able = [each for each in members if each.answers and not each.has_diverged]
    new = _chosen(members, able, to, "it does not answer, or its history is another")
    fence = [Step(Verb.FENCE, gone)] if gone and gone != new.name else []
    drain = [Step(Verb.SEVER, new.name), Step(Verb.DRAIN, new.name)] if new.source else []
    return [*fence, *drain, Step(Verb.PROMOTE, new.name)]


def former_primary(members: Sequence[Member]) -> str:
    """The node that the others follow, by the most of them; empty where nobody follows anybody."""
    names = {each.address: each.name for each in members}
    followed = [names[each.source] for each in members if each.source in names]
    return max(sorted(set(followed)), key=followed.count, default="")


def _chosen(members: Sequence[Member], able: Sequence[Member], to: str, why_not: str) -> Member:
    """The one that was asked for, else the one that comes furthest, the first among equals."""
    if to:
        asked = named(members, to)
        if asked is None:
            raise BadNameError(f"There is no database node {to!r}: {', '.join(each.name for each in members)}.")
        if asked not in able:
            raise LabError(f"{to} cannot be promoted: {why_not}.")
        return asked
    if not able:
        raise LabError("No replica could be promoted: none answers and follows (see `quorate db status`).")
    return max(able, key=lambda each: each.reach)

"""The database nodes as they are now: plain values. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lab.replication import gtid

#: The server refuses a replica whose position is not in its history.
NOT_IN_BINLOG = 1236


@dataclass(frozen=True)
class Member:
    """One node, as it answered; `answers` is False for one that did not, and the rest says nothing then."""

    name: str
    address: str
    answers: bool = False
    is_writable: bool = False
    #: The last transaction of each server in its log, and the last of all.
    state: str = ""
    position: str = ""
    #: Whom it follows (the address), what it received of that, whether it is told more, and whether it applies it.
    source: str = ""
    received: str = ""
    receives: bool = False
    applies: bool = False
    refusal: int = 0

    @property
    def has_diverged(self) -> bool:
        """Whether the primary refuses it, for its history is another."""
        return self.refusal == NOT_IN_BINLOG and not self.receives

    @property
    def reach(self) -> int:
        """How far it can come with what it has: what it received counts, applied or not."""
        return max(gtid.advance(self.position), gtid.advance(self.received) if self.source else 0)


def primary_of(members: Iterable[Member]) -> Member | None:
    """The node that takes writes."""
    return next((member for member in members if member.is_writable), None)


def named(members: Iterable[Member], name: str) -> Member | None:
    """The node of that name."""
    return next((member for member in members if member.name == name), None)


def only_there(member: Member, primary: Member) -> list[gtid.Stretch]:
    """What a node has that the primary has not: what was lost when that was promoted."""
    return gtid.only_in(gtid.parse(member.state), gtid.parse(primary.state))


def sentence(member: Member, primary: Member | None, names: Mapping[str, str]) -> str:
    """How a node does. `names` has the nodes' names by address."""
    if not member.answers:
        return "does not answer"
    if member.is_writable:
        return "primary: takes the writes"
    if not member.source:
        return f"read-only, follows nobody: `quorate logs {member.name}` says for whom it waits"
    whom = names.get(member.source, member.source)
    if member.has_diverged:
        alone = ", ".join(map(str, only_there(member, primary))) if primary else ""
        return f"diverged from {whom}: it alone has {alone or 'something'}; `quorate db rebuild {member.name}`"
    if not member.receives:
        return f"replica of {whom}, which it does not reach"
    behind = gtid.advance(primary.position) - gtid.advance(member.position) if primary else 0
    return f"replica of {whom}, {f'{behind} transactions behind' if behind > 0 else 'in step'}"

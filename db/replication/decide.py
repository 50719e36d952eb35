"""Whom a node follows, and when it may write. Pure.

Invariant: a node makes itself the primary only if no other can have been made one since it was. A person promotes; a
node only takes up again what it was, and only where every other node says so. So one that is silent keeps a returning
primary from writing: it may be the one that was promoted.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from replication.records import CUT, FRESH, NOBODY, STARTING, STOPPING, UP, WAITING, Member


class Action(Enum):
    """What the node does next."""

    STAY = "stay"
    LEAD = "lead"
    FOLLOW = "follow"
    WAIT = "wait"


class Choice(NamedTuple):
    """An action, whom it is about, and the sentence that explains it."""

    action: Action
    why: str
    whom: int = NOBODY


def decide(me: Member, peers: Mapping[int, Member | None], *, deposed: bool) -> Choice:
    """Choose. `peers` holds None for a silent peer.

    `deposed` says that the node took writes in this life of its server and was told to take no more: whoever said so is
    about to promote another, and the node does not contradict.
    """
    if me.phase == UP:
        return Choice(Action.STAY, "it is the primary")
    leaders = [peer.ordinal for peer in peers.values() if peer and peer.phase == UP]
    if len(leaders) > 1:
        return Choice(Action.WAIT, f"nodes {' and '.join(map(str, leaders))} both take writes; a person must choose")
    if leaders and me.follows == leaders[0]:
        return Choice(Action.STAY, f"it follows node {leaders[0]}")
    if leaders:
        return Choice(Action.FOLLOW, f"node {leaders[0]} is the primary", leaders[0])
    if me.follows:
        return Choice(Action.STAY, f"it follows node {me.follows}, which takes no writes; a person promotes")
    if deposed:
        return Choice(Action.WAIT, "it was told to take no more writes; a person promotes")
    silent = [ordinal for ordinal, peer in peers.items() if peer is None]
    if silent:
        return Choice(Action.WAIT, f"node {silent[0]} is silent, and may have been made the primary meanwhile")
    there = [peer for peer in peers.values() if peer is not None]
    starting = [peer.ordinal for peer in there if peer.phase in {STARTING, STOPPING}]
    if starting:
        return Choice(Action.WAIT, f"node {starting[0]} has not said yet what it has")
    return _begin(me, there) if me.phase == FRESH else _return(me, there)


def should_listen(me: Member, peers: Mapping[int, Member | None]) -> bool | None:
    """Whether a replica that does not reach whom it follows should go on trying; None where that is no question.

    To stop trying takes the server seconds, while the other does not answer. So it is stopped when the other falls
    silent, and not only when a person has promoted somebody and everybody waits.
    """
    if me.phase != CUT:
        return None
    source = peers.get(me.follows)
    return source is not None and source.phase == UP


def _begin(me: Member, peers: list[Member]) -> Choice:
    """The first start of all: nobody has anything, and the first node begins."""
    if any(peer.phase != FRESH for peer in peers):
        return Choice(Action.WAIT, "others have data, and none of them is the primary")
    if me.ordinal > min(peer.ordinal for peer in peers):
        return Choice(Action.WAIT, "the first node begins")
    return Choice(Action.LEAD, "all nodes are new, and it is the first of them")


def _return(me: Member, peers: list[Member]) -> Choice:
    """A primary that was restarted."""
    if me.phase != WAITING:
        return Choice(Action.WAIT, "its server is not ready")
    for peer in peers:
        if peer.follows not in {NOBODY, me.ordinal}:
            return Choice(Action.WAIT, f"node {peer.ordinal} follows node {peer.follows}; a person must choose")
        if peer.phase != FRESH and not peer.follows:
            return Choice(Action.WAIT, f"node {peer.ordinal} was a primary too; a person must choose")
        if peer.seqno > me.seqno:
            return Choice(Action.WAIT, f"node {peer.ordinal} has more than it has; a person must choose")
    return Choice(Action.LEAD, "it was the primary, and all others say so")

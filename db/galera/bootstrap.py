"""Who starts the cluster, and who joins.

Invariant: a node starts a new primary component only if no other node can have committed anything that it lacks.
The value that every rule looks at is what the nodes say about themselves, so the rules can be tested without one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import NamedTuple

from galera.records import (
    DECIDING_PHASES,
    FRESH,
    MOVING_PHASES,
    NO_VIEW,
    SERVING_PHASES,
    UNDEFINED,
    Node,
    arbitrated,
    view_size,
)

PATIENCE = 20.0
"""Seconds to wait for silent peers before a node that was the last one standing goes on alone."""


STUCK = 15.0
"""Seconds without anybody in step after which nodes that all see each other decide anew."""

LEFT_BEHIND = 60.0
"""Seconds that a node which sees all others, some of them in step, may take to come into step itself."""


class Action(Enum):
    """What the node does next."""

    WAIT = "wait"
    JOIN = "join"  # a primary component exists
    RESUME = "resume"  # all members of the last primary view are here: they continue it together
    BOOTSTRAP = "bootstrap"  # this node has the newest data: it starts the cluster


class Choice(NamedTuple):
    """An action and the sentence that explains it."""

    action: Action
    why: str


def decide(me: Node, peers: Mapping[int, Node | None], *, safe: bool, waited: float) -> Choice:
    """Choose how to start. `peers` holds None for a silent peer; `safe` is this node's safe_to_bootstrap mark."""
    answering = [peer for peer in peers.values() if peer is not None]
    everyone = [me, *answering]
    serving = [peer.ordinal for peer in answering if peer.phase in SERVING_PHASES]
    if serving:
        return Choice(Action.JOIN, f"node {serving[0]} is in the primary component")
    view = complete_view(everyone)
    if arbitrated(view):
        return _members_of(view, me, everyone)
    if view != NO_VIEW:
        if me.view == view:
            return Choice(Action.RESUME, f"all {view_size(view)} members of the last primary view are here")
        return Choice(Action.WAIT, "the members of the last primary view are here and this node was not one of them")
    busy = [peer for peer in answering if peer.phase not in DECIDING_PHASES]
    if busy:
        return Choice(Action.WAIT, f"node {busy[0].ordinal} is in phase {busy[0].phase}")
    silent = [ordinal for ordinal, peer in peers.items() if peer is None]
    return _alone(me, everyone, silent, waited) if silent and safe else _by_position(me, everyone, silent)


def complete_view(nodes: Iterable[Node]) -> str:
    """The remembered view whose members are all among the nodes, with one history; NO_VIEW if there is none."""
    seen: dict[tuple[str, str], int] = {}
    for node in nodes:
        if node.view != NO_VIEW and node.uuid != UNDEFINED:
            seen[node.view, node.uuid] = seen.get((node.view, node.uuid), 0) + 1
    complete = [view for (view, _), count in seen.items() if count >= view_size(view)]
    return complete[0] if complete else NO_VIEW


def hopeless(me: Node, peers: Mapping[int, Node | None]) -> bool:
    """Whether this node's engine, which is not in step, waits for something that nobody prepares.

    All must answer, and none may be in step or about to move: reading its position, stopping, or ready to resume the
    view that this node is part of. A primary component of joiners counts for nothing: there is no one to give them
    state. (It comes about where links flap: members with differing positions merge anew, and their donors vanish.)
    Nor does a view with the arbitrator in it: it is not resumed, its members wait for this node, whose position nobody
    knows while its engine runs.
    """
    answering = [peer for peer in peers.values() if peer is not None]
    if len(answering) < len(peers) or any(peer.phase in SERVING_PHASES | MOVING_PHASES for peer in answering):
        return False
    deciding = any(peer.phase in DECIDING_PHASES for peer in answering)
    view = complete_view([me, *answering])
    return view == NO_VIEW or not deciding or arbitrated(view)


def left_behind(peers: Mapping[int, Node | None]) -> bool:
    """Whether a node that is not in step could be: all others answer, and some are. Its state transfer may hang."""
    answering = [peer for peer in peers.values() if peer is not None]
    return len(answering) == len(peers) and any(peer.phase in SERVING_PHASES for peer in answering)


def newest(nodes: Iterable[Node]) -> Node | None:
    """The node with the highest position, the lowest ordinal among equals; None if histories differ.

    A node that holds only the seed counts if no other has anything.
    """
    known = [node for node in nodes if node.uuid != UNDEFINED and node.seqno >= 0]
    written = [node for node in known if node.phase != FRESH]
    if len({node.uuid for node in written}) > 1:
        return None
    return max(written or known, key=lambda node: (node.seqno, -node.ordinal), default=None)


def _members_of(view: str, me: Node, everyone: list[Node]) -> Choice:
    """All nodes of the last primary view are here, but the arbitrator that was in it may have forgotten it.

    Whatever was committed since must have been committed by a majority of that view, hence by one of these nodes, and
    that node would remember a later view.
    """
    members = [node for node in everyone if node.view == view]
    if me not in members:
        return Choice(Action.WAIT, "the nodes of the last primary view are here and this node was not one of them")
    busy = [node.ordinal for node in members if node.phase not in DECIDING_PHASES]
    if busy:
        return Choice(Action.WAIT, f"node {busy[0]} has not yet stopped to look at its position")
    return _by_position(me, members, [])


def _by_position(me: Node, everyone: list[Node], silent: list[int]) -> Choice:
    if silent:
        return Choice(Action.WAIT, f"node {silent[0]} is silent and may know more")
    best = newest(everyone)
    if best is None:
        return Choice(Action.WAIT, "no node has a usable position, or their histories differ; a person must choose")
    if best.ordinal == me.ordinal:
        return Choice(Action.BOOTSTRAP, f"position {me.seqno} is the highest of all")
    return Choice(Action.WAIT, f"node {best.ordinal} has the highest position, {best.seqno}")


def _alone(me: Node, everyone: list[Node], silent: list[int], waited: float) -> Choice:
    best = newest(everyone)
    if best is None or best.seqno > me.seqno or me.seqno < 0:
        return Choice(Action.WAIT, "another node knows more, though this one left last")
    if waited < PATIENCE:
        return Choice(Action.WAIT, f"this node left last; giving node {silent[0]} time to answer")
    return Choice(Action.BOOTSTRAP, f"this node left last, at position {me.seqno}, and node {silent[0]} stays silent")

"""What a node says about itself, in the line that it shows to others; and what its server says to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from galera import records

FRESH = "fresh"  # its data are the seed's, it has followed nobody yet
WAITING = "wait"  # has data, follows nobody, and may not write: it was the primary once
STARTING = "start"
UP = "up"  # the primary: it takes writes
REPLICA = "replica"  # follows, and has all that it was sent
CUT = "cut"  # follows somebody who does not answer
DIVERGED = "diverged"  # has transactions that whom it follows has not
BROKEN = "broken"  # cannot apply what it was sent
STOPPING = "stop"

NUMBERS = 10
NOBODY = 0
NONE = "-"
#: "Could not find GTID state requested by slave": its history is not the primary's. See mariadb.com/kb/en/gtid/
NOT_IN_BINLOG = 1236


class Member(NamedTuple):
    """One node, as its line has it: words for words in the places of a Galera node's, so that load balancers need not
    know the difference."""

    ordinal: int
    phase: str = STARTING
    position: str = NONE  # the last transaction in its log, as `0-1-105`
    seqno: int = -1  # the number in it
    state: str = NONE  # the last transaction of each server in its log: `0-1-100,0-2-105`
    follows: int = NOBODY

    def line(self) -> str:
        """The text form, without a line end."""
        seen = str(self.follows) if self.follows else records.NO_VIEW
        return f"{self.ordinal} {self.position} {self.seqno} {self.phase} 0 {self.state} {seen}"


def member(node: records.Node) -> Member:
    """A peer, out of its line."""
    follows = int(node.members) if node.members.isdigit() else NOBODY
    return Member(node.ordinal, node.phase, node.uuid, node.seqno, node.view, follows)


class ServerState(NamedTuple):
    """What the server says about itself."""

    read_only: bool
    position: str
    state: str
    source: str = ""  # the address that it follows
    receives: bool = False
    applies: bool = False
    receive_error: int = 0
    apply_error: int = 0


def server_state(rows: Mapping[str, str]) -> ServerState:
    """The server's state out of its answer, by column."""
    return ServerState(
        read_only=rows["read_only"] != "0",
        position=rows["position"] or NONE,
        state=rows["state"] or NONE,
        source=rows.get("Master_Host", ""),
        receives=rows.get("Slave_IO_Running", "") == "Yes",
        applies=rows.get("Slave_SQL_Running", "") == "Yes",
        receive_error=int(rows.get("Last_IO_Errno", "0")),
        apply_error=int(rows.get("Last_SQL_Errno", "0")),
    )


def unused_number(ordinal: int, state: str) -> int:
    """The server number of a new node, given the primary's log: the ordinal, or the next that ends in it. Pure.

    A replica passes over what bears its own number, taking it for what it sent itself. A node that lost its data, or
    threw them away, has to be given all of that again: so it is another server.
    """
    used = {int(word.split("-")[1]) for word in state.split(",") if word.count("-") == 2}
    number = ordinal
    while number in used:
        number += NUMBERS
    return number


def described(ordinal: int, fresh: bool, addresses: Mapping[int, str], seen: ServerState) -> Member:
    """The node's line, from what its server says. Pure."""
    follows = next((each for each, address in addresses.items() if address == seen.source and seen.read_only), NOBODY)
    seqno = int(seen.position.rsplit("-", 1)[1]) if seen.position != NONE else 0
    return Member(ordinal, _phase(fresh, follows, seen), seen.position, seqno, seen.state, follows)


def _phase(fresh: bool, follows: int, seen: ServerState) -> str:
    if not seen.read_only:
        return UP
    if not follows:
        return FRESH if fresh else WAITING
    if seen.receive_error == NOT_IN_BINLOG:
        return DIVERGED
    if seen.apply_error or not seen.applies:
        return BROKEN
    return REPLICA if seen.receives else CUT

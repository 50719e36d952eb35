"""What a node writes about itself: Galera's own files, and the line that it shows to others."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

UNDEFINED = "00000000-0000-0000-0000-000000000000"
NO_VIEW = "-"

RECOVERING = "recover"  # does not know its own position yet
FRESH = "fresh"  # never was part of a cluster: its data are the seed's
WAITING = "wait"  # knows its position and decides how to start
STARTING = "start"  # the engine runs, no primary component yet
JOINING = "join"  # in the primary component, not in step yet
UP = "up"  # in step with the primary component
DONOR = "donor"  # serves, while it also feeds a joiner
LOST = "lost"  # runs without a primary component
STOPPING = "stop"

SERVING_PHASES = frozenset({UP, DONOR})
PRIMARY_PHASES = SERVING_PHASES | {JOINING}
MOVING_PHASES = frozenset({RECOVERING, STOPPING})
DECIDING_PHASES = frozenset({FRESH, WAITING})


class Node(NamedTuple):
    """One node as it describes itself on its state port."""

    ordinal: int
    uuid: str = UNDEFINED
    seqno: int = -1
    phase: str = RECOVERING
    since: int = 0  # number of the view in which it came into step: the smaller, the more senior
    view: str = NO_VIEW  # the last primary view that it remembers, "<id>/<nodes>", "<id>/<nodes>+1" with the arbitrator
    members: str = NO_VIEW  # ordinals of the nodes that it sees now, joined by commas
    back: str = NO_VIEW  # ordinals of the nodes that stand back: itself, or those that the arbitrator hears say so

    def line(self) -> str:
        """The text form, without a line end."""
        return " ".join(str(value) for value in self)


def parse_line(text: str) -> Node | None:
    """Read a node's line; None if it is not one. Words that a newer version adds are passed over."""
    words = text.split()[: len(Node._fields)]
    try:
        return Node(int(words[0]), words[1], int(words[2]), words[3], int(words[4]), *words[5:])
    except (ValueError, IndexError):
        return None


def joined(ordinals: Collection[int]) -> str:
    """Nodes in the form in which a line names them."""
    return ",".join(map(str, sorted(ordinals))) or NO_VIEW


def named(text: str) -> set[int]:
    """The nodes that a word of a line names."""
    return {int(one) for one in text.split(",") if one.isdigit()}


def view_size(view: str) -> int:
    """How many nodes with data a remembered view had."""
    return int(view.rpartition("/")[2].partition("+")[0]) if view != NO_VIEW else 0


def arbitrated(view: str) -> bool:
    """Whether the arbitrator was a member of the view. It remembers nothing, so nobody can continue such a view."""
    return "+" in view.rpartition("/")[2]


class Saved(NamedTuple):
    """The content of grastate.dat."""

    uuid: str
    seqno: int
    safe: bool


def parse_grastate(text: str) -> Saved:
    """Read grastate.dat; a broken file counts as no state at all."""
    uuid = re.search(r"^uuid:\s*([0-9a-f-]{36})\s*$", text, re.MULTILINE)
    seqno = re.search(r"^seqno:\s*(-?\d+)\s*$", text, re.MULTILINE)
    safe = re.search(r"^safe_to_bootstrap:\s*1\s*$", text, re.MULTILINE)
    if not uuid or not seqno:
        return Saved(UNDEFINED, -1, False)
    return Saved(uuid[1], int(seqno[1]), bool(safe))


def mark_safe(grastate: str) -> str:
    """The same grastate.dat with permission to start a cluster from it."""
    return re.sub(r"^safe_to_bootstrap:.*$", "safe_to_bootstrap: 1", grastate, flags=re.MULTILINE)


def parse_gvwstate(text: str, segments: Collection[int] = (0,)) -> str:
    """The view named by gvwstate.dat, NO_VIEW if the file is incomplete. `segments` are those of nodes with data."""
    identity = re.search(r"^view_id: \d+ (\S+) (\d+)$", text, re.MULTILINE)
    members = [int(each) for each in re.findall(r"^member: \S+ (\d+)$", text, re.MULTILINE)]
    if not identity or not members or "#vwend" not in text:
        return NO_VIEW
    nodes = sum(each in segments for each in members)
    others = len(members) - nodes
    return f"{identity[1]}:{identity[2]}/{nodes}{f'+{others}' if others else ''}"


def _member(ordinal: int) -> str:
    return f"{ordinal:08d}-0000-11f0-8000-{ordinal:012d}"


def first_view(ordinal: int, segments: Mapping[int, int]) -> str:
    """A gvwstate.dat that lets nodes with the same seed form a cluster as soon as all see each other.

    `segments` has the segment of each node.
    """
    members = "".join(f"member: {_member(each)} {segments[each]}\n" for each in sorted(segments))
    return (
        f"my_uuid: {_member(ordinal)}\n#vwbeg\n"
        f"view_id: 3 {_member(min(segments))} {len(segments)}\nbootstrap: 0\n{members}#vwend\n"
    )


def parse_recovered(log: str) -> tuple[str, int]:
    """The position that `mariadbd --wsrep-recover` found."""
    found = re.findall(r"Recovered position:?\s*([0-9a-f-]{36}):(-?\d+)", log)
    return (found[-1][0], int(found[-1][1])) if found else (UNDEFINED, -1)


def notified_members(arguments: str) -> str:
    """Ordinals of the members in the server's last notification, as a node's line shows them."""
    names = re.findall(r"[0-9a-f-]{36}/db(\d+)/", arguments)
    return ",".join(sorted(names)) or NO_VIEW


def member_id(arguments: str, name: str) -> str:
    """The identity that a member has in the server's last notification, empty where it names none."""
    found = re.search(rf"([0-9a-f-]{{36}})/{name}/", arguments)
    return found[1] if found and found[1] != UNDEFINED else ""


def _given(arguments: str) -> dict[str, str]:
    words = arguments.split()
    return dict(zip(words[::2], words[1::2], strict=False))


def is_outcast(arguments: str) -> bool:
    """Whether the server's last notification says that it left the cluster, while it lives: it will not come back.

    That is so after an incremental state transfer that lacked a write set (Galera 26.4: "Receiving IST failed, node
    restart required"), seen when several nodes come back in the same second. It names a component in which it is not,
    or says that it is disconnected; a node that lost the others stays connected, alone.
    """
    given = _given(arguments)
    elsewhere = bool(given.get("--members"))
    return given.get("--index") == "-1" and (elsewhere or given.get("--status") == "disconnected")


def notified_phase(arguments: str, *, admitted: bool) -> str:
    """The phase that the server's last notification means.

    `admitted` says that the node came into step since it last lost the primary component: from then on it
    serves clients even while it feeds a joiner.
    """
    given = _given(arguments)
    if not given:
        return STARTING
    status = given.get("--status", "").lower()
    if status in {"disconnecting", "error"}:
        return STOPPING
    if given.get("--primary") != "yes":
        return LOST
    if not admitted:
        return JOINING
    if status == "synced":
        return UP
    return DONOR if status in {"donor", "joined"} else JOINING


NO_INDEX = 2**64 - 1
#: What the server calls its state when it is asked, by its first word, and what it calls it when it notifies.
STATES = {"synced": "synced", "donor": "donor", "joined": "joined", "joining": "joiner", "inconsistent": "error"}


def described(rows: str, ordinals: Mapping[str, int]) -> str:
    """The server's answer to `show global status`, one `name<tab>value` a line, in the form of a notification.

    `ordinals` has the node of each address. Empty where the answer is not whole.
    """
    given = dict(line.split("\t", 1) for line in rows.splitlines() if "\t" in line)
    if "wsrep_cluster_status" not in given or "wsrep_local_state_comment" not in given:
        return ""
    first_word = re.match(r"\w*", given["wsrep_local_state_comment"].lower())
    status = STATES.get(first_word[0] if first_word else "", "connected")
    if given.get("wsrep_connected") == "OFF":
        status = "disconnected"
    addresses = [each.rpartition(":")[0] for each in given.get("wsrep_incoming_addresses", "").split(",")]
    members = ",".join(f"{UNDEFINED}/db{ordinals[each]}/{each}" for each in addresses if each in ordinals)
    primary = "yes" if given["wsrep_cluster_status"].lower() == "primary" else "no"
    index = given.get("wsrep_local_index", "-1")
    # Without a place it is -1, of which the server makes the largest number of 64 bits.
    index = index if index.isdigit() and int(index) < NO_INDEX and status != "disconnected" else "-1"
    return f"--status {status} --primary {primary} --index {index} --members {members}"

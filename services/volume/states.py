"""The lives of volumes, snapshots, attachments and transfers as tables: what may happen when, and what follows.

The invariant: a volume or snapshot is in a *working* state exactly while its row of work says what is to be done in the
store, and every (task, outcome) has one next state. Work that is stored will be finished by some replica, whichever
process dies (docs/decisions/0002). The words are Cinder's.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import TypeAlias


class VolumeStatus(StrEnum):
    CREATING = "creating"
    DOWNLOADING = "downloading"
    AVAILABLE = "available"
    RESERVED = "reserved"
    ATTACHING = "attaching"
    IN_USE = "in-use"
    DETACHING = "detaching"
    EXTENDING = "extending"
    UPLOADING = "uploading"
    REVERTING = "reverting"
    AWAITING_TRANSFER = "awaiting-transfer"
    MAINTENANCE = "maintenance"
    DELETING = "deleting"
    ERROR = "error"
    ERROR_EXTENDING = "error_extending"
    ERROR_DELETING = "error_deleting"
    DELETED = "deleted"


class SnapshotStatus(StrEnum):
    CREATING = "creating"
    AVAILABLE = "available"
    DELETING = "deleting"
    ERROR = "error"
    ERROR_DELETING = "error_deleting"
    DELETED = "deleted"


class AttachStatus(StrEnum):
    """Of one attachment; `detached` is the end."""

    RESERVED = "reserved"
    ATTACHING = "attaching"
    ATTACHED = "attached"
    DETACHED = "detached"


class TransferStatus(StrEnum):
    OFFERED = "offered"
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"


class Task(StrEnum):
    """What can be to do in the store."""

    CREATE = "create"
    DELETE = "delete"
    EXTEND = "extend"
    UPLOAD = "upload"
    REVERT = "revert"
    CREATE_SNAPSHOT = "create-snapshot"
    DELETE_SNAPSHOT = "delete-snapshot"


class IllegalTransition(Exception):
    """The table has no such edge; nothing was changed."""


V: TypeAlias = VolumeStatus
S: TypeAlias = SnapshotStatus
A: TypeAlias = AttachStatus
T: TypeAlias = TransferStatus

_LIVE = frozenset(V) - {V.DELETED}

#: What a user may do to a volume: in which states, and the state after it. None: what its attachments say.
VOLUME_EVENTS: dict[str, tuple[frozenset[V], V | None]] = {
    "delete": (frozenset({V.AVAILABLE, V.ERROR, V.ERROR_EXTENDING}), V.DELETING),
    "force-delete": (_LIVE, V.DELETING),
    "extend": (frozenset({V.AVAILABLE}), V.EXTENDING),
    "extend-in-use": (frozenset({V.IN_USE}), V.EXTENDING),
    "upload": (frozenset({V.AVAILABLE}), V.UPLOADING),
    "force-upload": (frozenset({V.AVAILABLE, V.IN_USE}), V.UPLOADING),
    "revert": (frozenset({V.AVAILABLE}), V.REVERTING),
    # The attachments API reserves first; the older actions mark a volume as attaching without naming a server.
    "reserve": (frozenset({V.AVAILABLE}), V.RESERVED),
    "reserve-another": (frozenset({V.AVAILABLE, V.IN_USE}), V.RESERVED),
    "mark-attaching": (frozenset({V.AVAILABLE}), V.ATTACHING),
    "mark-attaching-another": (frozenset({V.AVAILABLE, V.IN_USE}), V.ATTACHING),
    "unmark-attaching": (frozenset({V.ATTACHING}), None),
    "connect": (frozenset({V.RESERVED, V.ATTACHING, V.IN_USE, V.DETACHING}), V.ATTACHING),
    "complete": (frozenset({V.RESERVED, V.ATTACHING, V.IN_USE, V.DETACHING}), V.IN_USE),
    "attach": (frozenset({V.AVAILABLE, V.ATTACHING}), V.IN_USE),
    "attach-another": (frozenset({V.AVAILABLE, V.ATTACHING, V.IN_USE}), V.IN_USE),
    "begin-detaching": (frozenset({V.IN_USE}), V.DETACHING),
    "roll-detaching": (frozenset({V.DETACHING}), V.IN_USE),
    "detach": (frozenset({V.RESERVED, V.ATTACHING, V.IN_USE, V.DETACHING}), None),
    "offer": (frozenset({V.AVAILABLE}), V.AWAITING_TRANSFER),
    "accept": (frozenset({V.AWAITING_TRANSFER}), V.AVAILABLE),
    "withdraw": (frozenset({V.AWAITING_TRANSFER}), V.AVAILABLE),
}

#: The work that a state stands for.
VOLUME_WORK: dict[V, Task] = {
    V.CREATING: Task.CREATE,
    V.DOWNLOADING: Task.CREATE,
    V.EXTENDING: Task.EXTEND,
    V.UPLOADING: Task.UPLOAD,
    V.REVERTING: Task.REVERT,
    V.DELETING: Task.DELETE,
}

#: (task, whether it succeeded) -> the state after it; None is the state before it. Deleting never fails: it is tried
#: until it succeeds.
VOLUME_OUTCOMES: dict[tuple[Task, bool], V | None] = {
    (Task.CREATE, True): V.AVAILABLE,
    (Task.CREATE, False): V.ERROR,
    (Task.EXTEND, True): None,
    (Task.EXTEND, False): V.ERROR_EXTENDING,
    (Task.UPLOAD, True): None,
    (Task.UPLOAD, False): None,
    (Task.REVERT, True): None,
    (Task.REVERT, False): V.ERROR,
    (Task.DELETE, True): V.DELETED,
}

SNAPSHOT_EVENTS: dict[str, tuple[frozenset[S], S]] = {
    "delete": (frozenset({S.AVAILABLE, S.ERROR}), S.DELETING),
    "force-delete": (frozenset(S) - {S.DELETED}, S.DELETING),
}

SNAPSHOT_WORK: dict[S, Task] = {S.CREATING: Task.CREATE_SNAPSHOT, S.DELETING: Task.DELETE_SNAPSHOT}

SNAPSHOT_OUTCOMES: dict[tuple[Task, bool], S] = {
    (Task.CREATE_SNAPSHOT, True): S.AVAILABLE,
    (Task.CREATE_SNAPSHOT, False): S.ERROR,
    (Task.DELETE_SNAPSHOT, True): S.DELETED,
}

ATTACHMENT_EVENTS: dict[str, tuple[frozenset[A], A]] = {
    "connect": (frozenset({A.RESERVED, A.ATTACHING, A.ATTACHED}), A.ATTACHING),
    "complete": (frozenset({A.ATTACHING, A.ATTACHED}), A.ATTACHED),
    "detach": (frozenset({A.RESERVED, A.ATTACHING, A.ATTACHED}), A.DETACHED),
}

TRANSFER_EVENTS: dict[str, tuple[frozenset[T], T]] = {
    "accept": (frozenset({T.OFFERED}), T.ACCEPTED),
    "withdraw": (frozenset({T.OFFERED}), T.WITHDRAWN),
}


def volume_after(event: str, status: V, attachments: Collection[A] = ()) -> V:
    """The state of a volume after `event`, which leaves it with `attachments`. Raises IllegalTransition."""
    allowed, after = VOLUME_EVENTS[event]
    if status not in allowed:
        raise IllegalTransition(f"'{event}' while the volume is {status}")
    return after if after is not None else with_attachments(attachments)


def with_attachments(attachments: Collection[A]) -> V:
    """The state of a volume at rest that has these attachments."""
    if A.ATTACHED in attachments:
        return V.IN_USE
    if A.ATTACHING in attachments:
        return V.ATTACHING
    return V.RESERVED if A.RESERVED in attachments else V.AVAILABLE


def volume_outcome(task: Task, previous: V | None, *, succeeded: bool) -> V:
    """The state of a volume after `task` ended; `previous` is the one before it. Raises IllegalTransition."""
    try:
        after = VOLUME_OUTCOMES[task, succeeded]
    except KeyError:
        raise IllegalTransition(f"{task} cannot end with succeeded={succeeded}") from None
    return after or previous or V.AVAILABLE


def snapshot_after(event: str, status: S) -> S:
    """The state of a snapshot after `event`. Raises IllegalTransition."""
    allowed, after = SNAPSHOT_EVENTS[event]
    if status not in allowed:
        raise IllegalTransition(f"'{event}' while the snapshot is {status}")
    return after


def snapshot_outcome(task: Task, *, succeeded: bool) -> S:
    """The state of a snapshot after `task` ended. Raises IllegalTransition."""
    try:
        return SNAPSHOT_OUTCOMES[task, succeeded]
    except KeyError:
        raise IllegalTransition(f"{task} cannot end with succeeded={succeeded}") from None


def attachment_after(event: str, status: A) -> A:
    """The state of an attachment after `event`. Raises IllegalTransition."""
    allowed, after = ATTACHMENT_EVENTS[event]
    if status not in allowed:
        raise IllegalTransition(f"'{event}' while the attachment is {status}")
    return after


def transfer_after(event: str, status: T) -> T:
    """The state of a transfer after `event`. Raises IllegalTransition."""
    allowed, after = TRANSFER_EVENTS[event]
    if status not in allowed:
        raise IllegalTransition(f"'{event}' while the transfer is {status}")
    return after

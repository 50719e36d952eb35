"""Everything that is said over the wire, one class a message. `frames` says how they travel; data rides beside them.

All in one file, long as it is: together they are the protocol, and a field's position in it is never taken again.

Fields are encoded by position (msgpack arrays): new ones are added at the end, with a default.
Epochs: whoever gets a message with a newer epoch than its own map's fetches that map before it goes on.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from storage.names import NO_SNAPS, ObjectId, PgId, SnapContext, Version


class Message(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The root of all messages."""


# -- anybody with anybody ------------------------------------------------------------------------------------------


class Hello(Message, tag=1, frozen=True):
    """The first message on every connection: who connects ("osd.1", "client.x"), and which start of it."""

    name: str
    incarnation: str
    fsid: str = ""


# -- with monitors --------------------------------------------------------------------------------------------------


class Subscribe(Message, tag=2, frozen=True):
    """Send me all maps after `epoch`, and each new one. 0: only the newest, then each new one."""

    epoch: int


class Maps(Message, tag=3, frozen=True):
    """Consecutive maps, oldest first, as JSON; the last is the newest the sender has."""

    maps: tuple[bytes, ...]


class GetMaps(Message, tag=4, frozen=True):
    """Send me the maps of these epochs, both included (those that are kept)."""

    first: int
    last: int


class Boot(Message, tag=5, frozen=True):
    """An OSD asks to be marked up; repeated until a map says so."""

    osd: int
    uuid: str
    incarnation: str
    address: str
    host: str
    zone: str
    weight: float
    epoch: int


class Beacon(Message, tag=6, frozen=True):
    """An OSD's sign of life to each monitor, every second."""

    osd: int
    incarnation: str
    epoch: int
    total_bytes: int
    used_bytes: int
    #: What it knows of the placement groups of which it is the primary.
    pgs: tuple[PgReport, ...] = ()


class PgReport(Message, tag=7, frozen=True):
    """A placement group as its primary sees it (a row of `pg ls`)."""

    pg: PgId
    state: str
    interval_since: int
    last_update: Version
    objects: int
    bytes: int
    #: Copies of objects that are missing on acting OSDs or because fewer than `size` act.
    degraded: int
    unfound: int
    #: Unix times; 0: never.
    scrubbed: float
    deep_scrubbed: float
    errors: int
    last_epoch_clean: int


class Failure(Message, tag=8, frozen=True):
    """An OSD says that another does not answer it (or does again)."""

    reporter: int
    target: int
    #: Which start of the target is meant.
    incarnation: str
    failed: bool
    #: "refused", "silent for 1.5 s": for the reason in the map.
    reason: str
    epoch: int


class UpThru(Message, tag=9, frozen=True):
    """A primary asks that the map says it was alive in `epoch`, before it activates."""

    osd: int
    incarnation: str
    epoch: int


class Command(Message, tag=10, frozen=True):
    """A person's or a client's request to the monitors: a name and arguments as JSON."""

    number: int
    name: str
    arguments: bytes


class CommandReply(Message, tag=11, frozen=True):
    """`error` is empty, or a sentence; `result` is JSON. `retry`: ask another monitor."""

    number: int
    error: str
    result: bytes = b"null"
    retry: bool = False


class Heard(Message, tag=12, frozen=True):
    """A monitor tells the others, about every second, whose beacons it heard and how many seconds ago."""

    beacons: tuple[tuple[int, float], ...]


# -- clients with OSDs -----------------------------------------------------------------------------------------------

OpKind = Literal[
    "read", "stat", "write", "write_full", "zero", "truncate", "remove", "copyup", "trim_snap", "list",
    "watch", "unwatch", "notify",
]  # fmt: skip


class ClientOp(Message, tag=20, frozen=True):
    """One operation on one object, for the primary of its group. The same `number` again: the same operation."""

    number: int
    epoch: int
    pg: PgId
    kind: OpKind
    name: str
    offset: int = 0
    length: int = 0
    snap: int = 0
    snaps: SnapContext = NO_SNAPS
    #: The version that the object must have; 0: it must not exist; None: any.
    expected: int | None = None


class ClientReply(Message, tag=21, frozen=True):
    """`error`: empty, a code of `storage.errors`, or "again": fetch the map (at least `epoch`), then repeat."""

    number: int
    error: str
    epoch: int
    version: int = 0
    size: int = 0
    names: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    detail: str = ""


class Notification(Message, tag=22, frozen=True):
    """An OSD tells a watcher that somebody notified an object; the data is the payload."""

    pg: PgId
    name: str
    number: int


class NotificationAck(Message, tag=23, frozen=True):
    """A watcher has acted on a notification."""

    pg: PgId
    name: str
    number: int


# -- OSDs with OSDs --------------------------------------------------------------------------------------------------


class Ping(Message, tag=30, frozen=True):
    """A heartbeat, and a primary's request to renew leases: (placement group, first epoch of the interval)."""

    osd: int
    epoch: int
    #: The sender's own clock, which only the sender reads.
    sent: float
    leases: tuple[tuple[PgId, int], ...]


class Pong(Message, tag=31, frozen=True):
    """The answer: for which of these the sender joins no later interval for `LEASE` seconds from now on."""

    osd: int
    epoch: int
    sent: float
    granted: tuple[tuple[PgId, int], ...]


class LogEntry(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One change in a placement group's history."""

    version: Version
    object: ObjectId
    #: The object's version before; (0, 0): it did not exist.
    prior: Version
    deleted: bool
    #: Whose operation it was, so that it is not done twice; the first object of an operation carries it.
    client: str
    number: int


class PgInfo(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What an OSD knows about its copy of a placement group (Ceph's pg_info_t)."""

    last_update: Version
    #: The log holds all entries after this.
    log_tail: Version
    #: The last interval in which this copy was activated.
    last_epoch_started: int
    #: The last interval known to have been activated by all of its members.
    history_started: int
    #: The last interval known to have become clean.
    history_clean: int


class Query(Message, tag=32, frozen=True):
    """A new primary asks what the other has of a placement group."""

    pg: PgId
    epoch: int
    since: int


class Notify(Message, tag=33, frozen=True):
    """The answer (strays send it unasked). `promises`: for which primaries, and how many seconds, leases hold."""

    pg: PgId
    osd: int
    epoch: int
    since: int
    info: PgInfo
    log: tuple[LogEntry, ...]
    missing: tuple[tuple[ObjectId, Version], ...]
    promises: tuple[tuple[int, float], ...]


class GetListing(Message, tag=34, frozen=True):
    """A primary whose log is too old asks the authoritative copy for all that it holds."""

    pg: PgId
    epoch: int
    since: int


class Listing(Message, tag=35, frozen=True):
    """All objects of a copy and their versions."""

    pg: PgId
    osd: int
    since: int
    objects: tuple[tuple[ObjectId, Version], ...]


class Activate(Message, tag=36, frozen=True):
    """A primary tells a replica the authoritative log; and all `objects` where the replica's log is too old."""

    pg: PgId
    epoch: int
    since: int
    info: PgInfo
    log: tuple[LogEntry, ...]
    objects: tuple[tuple[ObjectId, Version], ...] | None


class Activated(Message, tag=37, frozen=True):
    """The replica has stored it, and misses these objects."""

    pg: PgId
    osd: int
    since: int
    missing: tuple[tuple[ObjectId, Version], ...]


class SubOp(Message, tag=38, frozen=True):
    """A change to be stored by a replica; `head` and the data are a Transaction. In order, without gaps."""

    pg: PgId
    epoch: int
    since: int
    prior: Version
    entries: tuple[LogEntry, ...]
    head: bytes


class SubOpDone(Message, tag=39, frozen=True):
    """A replica has made a change durable."""

    pg: PgId
    osd: int
    since: int
    version: Version


class Pull(Message, tag=40, frozen=True):
    """Send me this object, if you have it in this version."""

    pg: PgId
    epoch: int
    since: int
    object: ObjectId
    version: Version


class Push(Message, tag=41, frozen=True):
    """An object whole; `head` and the data are a Transaction. `found` is false where the sender has it not."""

    pg: PgId
    osd: int
    epoch: int
    since: int
    object: ObjectId
    version: Version
    found: bool
    head: bytes
    #: It replaces a copy that differs, although the replica does not know that it lacks anything.
    repair: bool = False


class PushDone(Message, tag=42, frozen=True):
    """A pushed object is durable."""

    pg: PgId
    osd: int
    since: int
    object: ObjectId
    version: Version


class Started(Message, tag=43, frozen=True):
    """A primary tells its replicas that all of them activated (and, with `clean`, that nothing is missing anywhere)."""

    pg: PgId
    epoch: int
    since: int
    clean: bool


class RemovePgCopy(Message, tag=44, frozen=True):
    """A stray's copy is needed no more."""

    pg: PgId
    epoch: int
    since: int


class ScrubRequest(Message, tag=45, frozen=True):
    """Tell me about these objects of yours; `deep`: read them from the disk."""

    pg: PgId
    epoch: int
    since: int
    number: int
    deep: bool
    objects: tuple[ObjectId, ...]


class ScrubReply(Message, tag=46, frozen=True):
    """For each object: its info (None: not there), the digest of its data (0 without `deep`), the damaged blocks."""

    pg: PgId
    osd: int
    since: int
    number: int
    found: tuple[tuple[ObjectId, bytes | None, int, tuple[int, ...]], ...]


class ScrubOrder(Message, tag=47, frozen=True):
    """A monitor passes on a person's request to scrub a placement group."""

    pg: PgId
    deep: bool


AnyMessage = (
    Hello | Subscribe | Maps | GetMaps | Boot | Beacon | Failure | UpThru | Command | CommandReply | Heard
    | ClientOp | ClientReply | Notification | NotificationAck
    | Ping | Pong | Query | Notify | GetListing | Listing | Activate | Activated | SubOp | SubOpDone
    | Pull | Push | PushDone | Started | RemovePgCopy | ScrubRequest | ScrubReply | ScrubOrder
)  # fmt: skip

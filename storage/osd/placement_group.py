"""One placement group on one OSD: what is stored of it, what interval it is in, and who does what in which role.

The parts of a primary's work have modules of their own: `peering` (until it may serve), `serving` (clients'
operations), `recovery`, `scrub`, `watches`. This module has what replicas and strays do, and what all roles share.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from storage.cluster_map import Interval, Pool
from storage.errors import ClusterFull
from storage.messages import (
    Activate,
    Activated,
    GetListing,
    Listing,
    LogEntry,
    Message,
    Notify,
    PgInfo,
    Pull,
    Push,
    PushDone,
    Query,
    RemovePgCopy,
    ScrubReply,
    ScrubRequest,
    Started,
    SubOp,
    SubOpDone,
)
from storage.names import NO_VERSION, ObjectId, PgId, Version
from storage.osd.log import Log, Missing, compare, merge
from storage.osd.object_state import decode_state
from storage.osd.object_store import BlocksDamaged
from storage.osd.peering import Peering
from storage.osd.pg_states import ACTIVE, PgState, next_state
from storage.osd.recovery import Recovery, pushed
from storage.osd.scrub import Scrub, examine
from storage.osd.serving import Serving
from storage.osd.surroundings import Buffer
from storage.osd.transaction import Remove, RemoveMeta, SetMeta, Transaction
from storage.osd.watches import Watches

if TYPE_CHECKING:
    from storage.osd.osd import Osd

_entry_encoder = msgspec.msgpack.Encoder()
_entry_decoder = msgspec.msgpack.Decoder(LogEntry)
_info_decoder = msgspec.msgpack.Decoder(PgInfo)
_version_decoder = msgspec.msgpack.Decoder(Version)
Objects = Sequence[tuple[ObjectId, Version]]
#: Whose lease a restarted OSD may have forgotten: anybody's.
ANYBODY = -1


def log_key(version: Version) -> str:
    """Keys sort as versions do."""
    return f"log/{version[0]:010}/{version[1]:012}"


def missing_key(object_id: ObjectId) -> str:
    """One key for each object that is missing here."""
    return f"missing/{object_id.snap:016x}/{object_id.name}"


class PlacementGroup:
    """`since` is the first epoch of the interval; messages of other intervals are not for us."""

    def __init__(self, osd: Osd, pg: PgId, created: int, *, is_stored: bool) -> None:
        self.osd, self.pg = osd, pg
        self.store = osd.store
        self.state = PgState.RESET
        self.interval = Interval((), (), 1)
        self.since = 0
        self.started = 0
        self.history_started = created
        self.history_clean = created
        self.log = Log()
        self.missing: Missing = {}
        #: To whom this replica promised not to move on, and until when.
        self.promise: tuple[int, float] = (osd.number, 0.0)
        self._undurable = 0
        self._when_durable: list[Callable[[], None]] = []
        self._durable_version = NO_VERSION
        #: Requests to other OSDs that are not answered yet: sent again when a connection breaks, or after a while.
        self.unanswered: dict[tuple[int, object], tuple[float, Message, Sequence[Buffer]]] = {}
        self.peering = Peering(self)
        self.recovery = Recovery(self)
        self.serving = Serving(self)
        self.scrub = Scrub(self)
        self.watches = Watches(self)
        #: For reports: how many objects and bytes there were at which version.
        self.counted_at: Version | None = None
        self.counted = (0, 0)
        if is_stored:
            self._load()

    # -- what is stored --------------------------------------------------------------------------------------

    def _load(self) -> None:
        stored = self.store.meta(self.pg, "info")
        tail = NO_VERSION
        if stored is not None:
            info = _info_decoder.decode(stored)
            tail, self.started = info.log_tail, info.last_epoch_started
            self.promise = (ANYBODY, self.osd.started_at + self.osd.settings.lease)  # before the restart, perhaps
            self.history_started = max(self.history_started, info.history_started)
            self.history_clean = max(self.history_clean, info.history_clean)
        entries = (_entry_decoder.decode(value) for _, value in self.store.meta_range(self.pg, "log/", "log0"))
        self.log = Log((entry for entry in entries if entry.version > tail), tail)
        self._durable_version = self.log.head
        for key, value in self.store.meta_range(self.pg, "missing/", "missing0"):
            _, snap, name = key.split("/", 2)
            self.missing[ObjectId(name, int(snap, 16))] = _version_decoder.decode(value)

    @property
    def is_primary(self) -> bool:
        """Whether this OSD orders the changes."""
        return self.interval.primary == self.osd.number

    @property
    def is_active(self) -> bool:
        """Whether this OSD serves clients of this group."""
        return self.state in ACTIVE

    @property
    def replicas(self) -> tuple[int, ...]:
        """The acting OSDs besides this one."""
        return tuple(number for number in self.interval.acting if number != self.osd.number)

    @property
    def pool(self) -> Pool:
        """The rules of its pool."""
        return self.osd.map.pools[self.pg.pool]

    def info(self) -> PgInfo:
        """What there is here, for others and for the disk."""
        return PgInfo(self.log.head, self.log.tail, self.started, self.history_started, self.history_clean)

    def save_info(self, transaction: Transaction) -> None:
        """Make `info` part of a transaction."""
        transaction.add(SetMeta(self.pg, "info", _entry_encoder.encode(self.info())))

    def submit(
        self,
        transaction: Transaction,
        then: Callable[[], None] | None = None,
        *,
        always: Callable[[], None] | None = None,
    ) -> None:
        """Store a change. When it is durable, and can be read, `always` runs; then, in the same interval only, `then`.

        Raises ClusterFull.
        """
        since = self.since

        def durable() -> None:
            self._undurable -= 1
            if always is not None:
                always()
            if then is not None and since == self.since:
                then()
            while not self._undurable and self._when_durable:
                self._when_durable.pop(0)()

        self.store.submit(transaction, durable)
        self._undurable += 1

    def when_durable(self, then: Callable[[], None]) -> None:
        """Run `then` when all that has been changed so far is durable: what is said of it must outlive a crash."""
        since = self.since
        if self._undurable:
            self._when_durable.append(lambda: then() if since == self.since else None)
        else:
            then()

    def append(self, transaction: Transaction, entries: Iterable[LogEntry]) -> None:
        """Make log entries part of a transaction (before it is submitted; `remember` after)."""
        for entry in entries:
            transaction.add(SetMeta(self.pg, log_key(entry.version), _entry_encoder.encode(entry)))

    def remember(self, entries: Iterable[LogEntry]) -> None:
        """The entries of a submitted transaction are part of the log; cut it now and then."""
        for entry in entries:
            self.log.append(entry)
        tail = self.log.trim()
        if tail is not None:
            transaction = Transaction([RemoveMeta(self.pg, "log/", log_key(tail) + "\0")])
            self.save_info(transaction)
            self.submit(transaction)

    def objects(self) -> dict[ObjectId, Version]:
        """All objects that are whole here, with their versions."""
        found: dict[ObjectId, Version] = {}
        after: ObjectId | None = None
        while page := self.store.list(self.pg, after):
            found.update((object_id, decode_state(info).version) for object_id, info in page)
            after = page[-1][0]
        for object_id in self.missing:
            found.pop(object_id, None)
        return found

    def distrust(self) -> None:
        """This copy may lack what it once confirmed: it must not be the authority while there is another."""
        self.started = 0
        transaction = Transaction()
        self.save_info(transaction)
        self.submit(transaction)

    def mark_missing(self, lacking: Missing) -> None:
        """Objects that turned out to be damaged here: they must be fetched."""
        transaction = Transaction()
        for object_id, version in lacking.items():
            transaction.add(SetMeta(self.pg, missing_key(object_id), _entry_encoder.encode(version)))
        self.missing.update(lacking)
        self.submit(transaction)

    # -- intervals -------------------------------------------------------------------------------------------

    def new_interval(self, interval: Interval, since: int) -> None:
        """Forget what the last interval was about; `start` follows when the newest map is known."""
        self.step("new interval")
        self.interval, self.since = interval, since
        self.unanswered.clear()
        self._when_durable.clear()
        self.peering.reset()
        self.recovery.reset()
        self.serving.reset()
        self.scrub.reset()
        self.watches.reset()

    def start(self) -> None:
        """Take up the role of this interval, once all that was stored is durable."""
        self.when_durable(self._start)

    def _start(self) -> None:
        if self.state is not PgState.RESET:
            return
        self._durable_version = self.log.head
        if self.is_primary:
            self.step("is primary")
            self.peering.start()
        else:
            self.step("is replica or stray")
            self.notify_primary()

    def notify_primary(self) -> None:
        """A stray with data tells the primary that it is there: it may be needed, or removed."""
        primary = self.interval.primary
        stored = self.log.head != NO_VERSION or self.started
        if primary is not None and self.osd.number not in self.interval.acting and stored:
            self.osd.send(primary, self.notification())

    def notification(self) -> Notify:
        """What this copy is, and which leases of earlier primaries it has granted."""
        owner, until = self.promise
        left = until - self.osd.now()
        promises = ((owner, left),) if left > 0 and owner != self.osd.number else ()
        return Notify(
            self.pg, self.osd.number, self.osd.epoch, self.since, self.info(),
            tuple(self.log.entries), tuple(self.missing.items()), promises,
        )  # fmt: skip

    def step(self, event: str) -> None:
        """Raises IllegalTransition."""
        self.state = next_state(self.state, event)

    # -- requests that need an answer ------------------------------------------------------------------------

    def ask(self, osd: int, key: object, message: Message, data: Sequence[Buffer] = ()) -> None:
        """Send, and send again until `answered` with the same key."""
        self.unanswered[osd, key] = (self.osd.now(), message, data)
        self.osd.send(osd, message, data)

    def answered(self, osd: int, key: object) -> bool:
        """Whether that was asked; it is not asked again."""
        return self.unanswered.pop((osd, key), None) is not None

    def ask_again(self, osd: int | None = None) -> None:
        """After a connection broke (`osd`), or where an answer takes too long: in the old order."""
        now = self.osd.now()
        late = {to for (to, _), (sent, _, _) in self.unanswered.items() if now - sent > self.osd.settings.resend}
        for (to, key), (_, message, data) in list(self.unanswered.items()):
            if to == osd or to in late:
                self.unanswered[to, key] = (now, message, data)
                self.osd.send(to, message, data)

    # -- what replicas and strays do -------------------------------------------------------------------------

    def grant(self, since: int, owner: int) -> bool:
        """Promise the primary of this interval not to move on for the time of a lease."""
        if since != self.since or self.state is not PgState.REPLICA_ACTIVE or owner != self.interval.primary:
            return False
        self.promise = (owner, self.osd.now() + self.osd.settings.lease)
        return True

    def receive(self, sender: int, message: Message, data: memoryview) -> None:
        """A message of this interval from another OSD. What comes too early or twice is answered again or ignored."""
        if message.since != self.since:  # type: ignore[attr-defined]
            return
        self._receivers[type(message)](self, sender, message, data)

    def _query(self, sender: int, message: Query, _: memoryview) -> None:
        self.when_durable(lambda: self.osd.send(sender, self.notification()))

    def _get_listing(self, sender: int, message: GetListing, _: memoryview) -> None:
        everything = {**self.objects(), **self.missing}
        self.osd.send(sender, Listing(self.pg, self.osd.number, self.since, tuple(everything.items())))

    def _activate(self, sender: int, message: Activate, _: memoryview) -> None:
        if self.is_primary or self.state not in (PgState.STRAY, PgState.REPLICA_ACTIVE):
            return
        if self.state is PgState.REPLICA_ACTIVE and self.started == self.since:
            self.when_durable(self._say_activated)
            return
        if self.started == self.since:
            return  # being stored at this moment

        def durable() -> None:
            self.step("activated by the primary")
            self._durable_version = self.log.head
            self._say_activated()

        self.follow(Log(message.log, message.info.log_tail), message.objects, message.info, durable)

    def _say_activated(self) -> None:
        primary = self.interval.primary
        assert primary is not None
        message = Activated(self.pg, self.osd.number, self.since, tuple(self.missing.items()))
        self.osd.send(primary, message)

    def follow(self, authority: Log, objects: Objects | None, info: PgInfo, then: Callable[[], None]) -> set[ObjectId]:
        """Take over the authoritative log; returns what was removed. What is missing now is in `missing`."""
        transaction = Transaction()
        if objects is None:
            merged = merge(self.log, self.missing, authority)
            assert merged is not None, "the primary saw that these logs meet"
            lacking, removed = merged.missing, set(merged.removed)
            for entry in merged.divergent:
                key = log_key(entry.version)
                transaction.add(RemoveMeta(self.pg, key, key + "\0"))
            self.append(transaction, merged.added)
        else:
            lacking, removed = compare(self.objects(), objects)
            removed |= set(self.missing) - set(lacking)
            transaction.add(RemoveMeta(self.pg, "log/", "log0"))
            self.append(transaction, authority.entries)
        for object_id in removed:
            transaction.add(Remove(self.pg, object_id))
        if lacking != self.missing:
            transaction.add(RemoveMeta(self.pg, "missing/", "missing0"))
            for object_id, version in lacking.items():
                transaction.add(SetMeta(self.pg, missing_key(object_id), _entry_encoder.encode(version)))
        self.missing, self.log = lacking, Log(authority.entries, authority.tail)
        self.started = self.since
        self.history_started = max(self.history_started, info.history_started)
        self.history_clean = max(self.history_clean, info.history_clean)
        self.save_info(transaction)
        self.submit(transaction, then)
        return removed

    def _sub_op(self, sender: int, message: SubOp, data: memoryview) -> None:
        if self.state is not PgState.REPLICA_ACTIVE:
            return
        last = message.entries[-1].version
        if last <= self.log.head:
            if last <= self._durable_version:
                self.osd.send(sender, SubOpDone(self.pg, self.osd.number, self.since, last))
            return
        if message.prior != self.log.head:
            return  # an earlier one is still to come: both are sent again
        transaction = Transaction.decode(message.head, data, verify=False)
        gone = [entry.object for entry in message.entries if entry.deleted and entry.object in self.missing]
        if gone:
            keys = [missing_key(object_id) for object_id in gone]
            forget = [RemoveMeta(self.pg, key, key + "\0") for key in keys]
            transaction = Transaction([*transaction.ops, *forget], transaction.data)

        def durable() -> None:
            self._durable_version = last
            self.osd.send(sender, SubOpDone(self.pg, self.osd.number, self.since, last))

        try:
            self.submit(transaction, durable)
        except ClusterFull:
            return  # the primary asks again; it refuses new writes long before
        for object_id in gone:
            del self.missing[object_id]
        self.remember(message.entries)

    def _started(self, sender: int, message: Started, _: memoryview) -> None:
        self.note_started(clean=message.clean)

    def note_started(self, *, clean: bool) -> None:
        """All members have activated this interval (and nothing is missing): earlier ones matter no more."""
        clean_since = self.since if clean else self.history_clean
        if (self.history_started, self.history_clean) != (self.since, clean_since):
            self.history_started, self.history_clean = self.since, clean_since
            transaction = Transaction()
            self.save_info(transaction)
            self.submit(transaction)

    def _pull(self, sender: int, message: Pull, _: memoryview) -> None:
        object_id, version = message.object, message.version
        nothing = Push(self.pg, self.osd.number, self.osd.epoch, self.since, object_id, version, False, b"")
        if object_id in self.missing or decode_state(self.store.info(self.pg, object_id)).version != version:
            self.osd.send(sender, nothing)
            return
        try:
            transaction = pushed(self.store, self.pg, object_id)
        except BlocksDamaged as damage:
            self.osd.say(f"{damage}: another copy is asked for")
            self.mark_missing({object_id: version})
            self.osd.send(sender, nothing)
            return
        message_with = msgspec.structs.replace(nothing, found=True, head=transaction.head)
        self.osd.send(sender, message_with, transaction.data)

    def _push(self, sender: int, message: Push, data: memoryview) -> None:
        if self.is_primary:
            self.recovery.pulled(sender, message, data)
            return
        done = PushDone(self.pg, self.osd.number, self.since, message.object, message.version)
        if self.state is not PgState.REPLICA_ACTIVE:
            return
        if message.repair:
            is_older = decode_state(self.store.info(self.pg, message.object)).version > message.version
        else:
            is_older = message.object not in self.missing
        if is_older:
            self.when_durable(lambda: self.osd.send(sender, done))
        else:
            self.store_whole(message, data, lambda: self.osd.send(sender, done))

    def store_whole(self, message: Push, data: memoryview, then: Callable[[], None]) -> None:
        """An object that was missing here has come."""
        received = Transaction.decode(message.head, data)
        key = missing_key(message.object)
        whole = Transaction([*received.ops, RemoveMeta(self.pg, key, key + "\0")], received.data)

        def there() -> None:
            self.missing.pop(message.object, None)

        with contextlib.suppress(ClusterFull):
            # it is missing until it can be read: whoever asks in between would see what was here before
            self.submit(whole, then, always=there)

    def _remove_copy(self, sender: int, message: RemovePgCopy, _: memoryview) -> None:
        if self.osd.number not in self.interval.acting:
            self.osd.remove(self.pg)

    def _scrub_request(self, sender: int, message: ScrubRequest, _: memoryview) -> None:
        found = examine(self.store, self.pg, message.objects, deep=message.deep, missing=self.missing)
        damaged = {item[0]: decode_state(item[1]).version for item in found if item[3]}
        if damaged:
            self.mark_missing(damaged)
        self.osd.send(sender, ScrubReply(self.pg, self.osd.number, self.since, message.number, found))

    _receivers: dict[type[Message], Callable[..., None]] = {
        Query: _query,
        GetListing: _get_listing,
        Activate: _activate,
        SubOp: _sub_op,
        Started: _started,
        Pull: _pull,
        Push: _push,
        RemovePgCopy: _remove_copy,
        ScrubRequest: _scrub_request,
        Notify: lambda self, sender, message, _: self.peering.notified(message),
        Listing: lambda self, sender, message, _: self.peering.listed(message),
        Activated: lambda self, sender, message, _: self.peering.activated(message),
        SubOpDone: lambda self, sender, message, _: self.serving.replica_done(sender, message.version),
        PushDone: lambda self, sender, message, _: self.recovery.push_done(sender, message),
        ScrubReply: lambda self, sender, message, _: self.scrub.replied(sender, message),
    }

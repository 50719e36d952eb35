"""One placement group on one OSD: what is stored of it, what interval it is in, and who does what in which role.

The parts of a primary's work have modules of their own: `peering` (until it may serve), `serving` (clients'
operations), `recovery`, `scrub`, `watches`; `replica` is what the others do. This module has what all roles share.
"""

from __future__ import annotations

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
from storage.osd.keys import log_key, missing_key
from storage.osd.log import Log, Missing, compare, merge
from storage.osd.object_state import decode_state
from storage.osd.peering import Peering
from storage.osd.pg_states import ACTIVE, PgState, next_state
from storage.osd.recovery import Recovery
from storage.osd.replica import Replica
from storage.osd.scrub import Scrub
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
        #: Requests to other OSDs that are not answered yet: sent again when a connection breaks, or after a while.
        self.unanswered: dict[tuple[int, object], tuple[float, Message, Sequence[Buffer]]] = {}
        self.peering = Peering(self)
        self.replica = Replica(self)
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
        self.replica.durable = self.log.head
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

    # -- time ------------------------------------------------------------------------------------------------

    @property
    def is_settled(self) -> bool:
        """Whether nothing here may have to be tried again soon."""
        return not self.unanswered and (not self.is_primary or self.state is PgState.CLEAN)

    def tick(self, now: float) -> None:
        """Try again what may go on now."""
        if self.unanswered:
            self.ask_again()
        if not self.is_primary:
            return
        if not self.is_active:
            if self.state is PgState.WAIT_UP_THRU:
                self.peering.ask_up_thru()
            self.peering.advance()
            return
        self.watches.tick(now)
        if self.state is PgState.RECOVERING:
            self.recovery.go_on()
        else:
            self.scrub.tick()

    # -- what the roles share ------------------------------------------------------------------------------------

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

    def note_started(self, *, clean: bool) -> None:
        """All members have activated this interval (and nothing is missing): earlier ones matter no more."""
        clean_since = self.since if clean else self.history_clean
        if (self.history_started, self.history_clean) != (self.since, clean_since):
            self.history_started, self.history_clean = self.since, clean_since
            transaction = Transaction()
            self.save_info(transaction)
            self.submit(transaction)

    def _push(self, sender: int, message: Push, data: memoryview) -> None:
        if self.is_primary:
            self.recovery.pulled(sender, message, data)
        else:
            self.replica.push(sender, message, data)

    def store_whole(self, message: Push, data: memoryview, then: Callable[[], None]) -> bool:
        """An object that was missing here has come; False where the disk has no room for it."""
        received = Transaction.decode(message.head, data)
        key = missing_key(message.object)
        whole = Transaction([*received.ops, RemoveMeta(self.pg, key, key + "\0")], received.data)

        def there() -> None:
            self.missing.pop(message.object, None)

        try:
            # it is missing until it can be read: whoever asks in between would see what was here before
            self.submit(whole, then, always=there)
        except ClusterFull:
            return False
        return True

    _receivers: dict[type[Message], Callable[..., None]] = {
        Query: lambda self, sender, message, _: self.replica.query(sender),
        GetListing: lambda self, sender, message, _: self.replica.get_listing(sender),
        Activate: lambda self, sender, message, _: self.replica.activate(message),
        SubOp: lambda self, sender, message, data: self.replica.sub_op(sender, message, data),
        Started: lambda self, sender, message, _: self.note_started(clean=message.clean),
        Pull: lambda self, sender, message, _: self.replica.pull(sender, message),
        Push: lambda self, sender, message, data: self._push(sender, message, data),
        RemovePgCopy: lambda self, sender, message, _: self.replica.remove_copy(),
        ScrubRequest: lambda self, sender, message, _: self.replica.scrub_request(sender, message),
        Notify: lambda self, sender, message, _: self.peering.notified(message),
        Listing: lambda self, sender, message, _: self.peering.listed(message),
        Activated: lambda self, sender, message, _: self.peering.activated(message),
        SubOpDone: lambda self, sender, message, _: self.serving.replica_done(sender, message.version),
        PushDone: lambda self, sender, message, _: self.recovery.push_done(sender, message),
        ScrubReply: lambda self, sender, message, _: self.scrub.replied(sender, message),
    }

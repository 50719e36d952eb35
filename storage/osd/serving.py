"""A primary's service: clients' operations in an order that every copy shares.

A write is stored here and on every acting replica at once, and acknowledged when all have it durable. Reads are
answered here alone, by the lease (`Osd.lease_until`). Operations on one object wait for each other unless they can't
conflict: writes of whole blocks may be under way together; a read waits for writes that it overlaps, because what is
not yet acknowledged may still be undone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from storage.errors import StorageError
from storage.messages import ClientOp, ClientReply, SubOp
from storage.names import BLOCK, ObjectId, Version
from storage.osd.object_state import ObjectState, decode_state, number_of, seen_at
from storage.osd.object_store import BlocksDamaged
from storage.osd.operations import CHANGES, Change, apply, check, is_plain_write
from storage.osd.surroundings import Buffer, Session

if TYPE_CHECKING:
    from storage.osd.placement_group import PlacementGroup

#: Operations that wait for a group to become active; more are told to come again.
LONGEST_QUEUE = 4096


class Request(NamedTuple):
    """An operation and whom to answer."""

    session: Session
    op: ClientOp
    data: Buffer


@dataclass(slots=True)
class Hot:
    """An object with writes under way: its state when all of them are done, and what waits for them."""

    state: ObjectState
    #: First and last block of each plain write under way, by version.
    plain: dict[Version, tuple[int, int]] = field(default_factory=dict)
    #: A change under way that nothing else may overlap.
    exclusive: bool = False
    queue: deque[Request] = field(default_factory=deque)

    def overlaps(self, op: ClientOp) -> bool:
        """Whether a read would see bytes that are not acknowledged yet."""
        if self.exclusive:
            return True
        first, last = op.offset // BLOCK, (op.offset + op.length) // BLOCK
        return any(low <= last and first <= high for low, high in self.plain.values())


@dataclass(slots=True)
class UnderWay:
    """A change that not everybody has yet."""

    request: Request
    hot: Hot
    waiting: set[int]
    version: int


class Serving:
    """What a primary does for clients while its group is active."""

    def __init__(self, group: PlacementGroup) -> None:
        self.group = group
        self.waiting: list[Request] = []
        self.for_lease: list[Request] = []
        self.hot: dict[str, Hot] = {}
        self.under_way: dict[Version, UnderWay] = {}
        self._numbers: dict[tuple[str, int], Version] = {}

    def reset(self) -> None:
        """A new interval: what is under way is sent again by its clients, and found in the log if it was done."""
        requests = [*self.waiting, *self.for_lease, *(change.request for change in self.under_way.values())]
        for hot in self.hot.values():
            requests += hot.queue
        self.waiting, self.for_lease = [], []
        self.hot, self.under_way, self._numbers = {}, {}, {}
        for request in requests:
            self.again(request)

    def again(self, request: Request) -> None:
        """Tell a client to look at the map and come again."""
        self._fail(request, "again")

    def resume(self) -> None:
        """The group is active: what waited for that goes on."""
        waiting, self.waiting = self.waiting, []
        for request in waiting:
            self.handle(request)

    def renewed(self) -> None:
        """The lease holds again."""
        requests, self.for_lease = self.for_lease, []
        for request in requests:
            self.handle(request)

    def is_quiet(self, name: str) -> bool:
        """Whether no change of an object is under way."""
        return name not in self.hot

    # -- operations ------------------------------------------------------------------------------------------

    def handle(self, request: Request) -> None:
        """Take an operation whose client knows of this interval; also again, after it had to wait."""
        group, op = self.group, request.op
        if request.session.name in group.osd.map.blocklist:
            self._fail(request, "blocklisted", "this client was fenced")
            return
        if not group.is_active:
            if len(self.waiting) >= LONGEST_QUEUE:
                self.again(request)
            else:
                self.waiting.append(request)
            return
        try:
            check(op, request.data)
            if op.kind in CHANGES:
                self._change(request)
            elif group.osd.now() >= group.osd.lease_until(group):
                self.for_lease.append(request)
            elif op.kind in ("read", "stat"):
                self._read(request)
            elif op.kind == "list":
                self._list(request)
            else:
                group.watches.handle(request)
        except StorageError as error:
            self._fail(request, error.code, str(error))
        except BlocksDamaged as damage:
            group.recovery.damaged(damage, request)

    def _change(self, request: Request) -> None:
        group, op = self.group, request.op
        client = request.session.name
        version = self._numbers.get((client, op.number))
        if version is not None and version in self.under_way:
            self.under_way[version].request = request  # sent again: answer the newer connection
            return
        hot = self.hot.get(op.name)
        if hot is None:
            head = ObjectId(op.name)
            if group.recovery.lacked(head):
                group.recovery.wait(head, request)
                return
            state = decode_state(group.store.info(group.pg, head))
        else:
            state = hot.state
        done = group.log.done(client, op.number)
        if done is not None:
            self._succeed(request, number_of(done))
            return
        if op.kind == "trim_snap" and (clone := self._clone_lacked(state, op)):
            group.recovery.wait(clone, request)
            return
        plain = is_plain_write(op, request.data, state)
        if hot is not None and (hot.queue or hot.exclusive or (hot.plain and not plain)):
            hot.queue.append(request)
            return
        self._do(request, hot or Hot(state), plain=plain)

    def _clone_lacked(self, state: ObjectState, op: ClientOp) -> ObjectId | None:
        for clone in state.clones:
            if op.snap in clone.snaps:
                object_id = ObjectId(op.name, clone.snap)
                return object_id if self.group.recovery.lacked(object_id) else None
        return None

    def _do(self, request: Request, hot: Hot, *, plain: bool) -> None:
        group, osd, op = self.group, self.group.osd, request.op
        head = ObjectId(op.name)
        newest = group.log.head
        change = Change(
            group.pg, op, hot.state, Version(osd.epoch, newest.number + 1),
            lambda block, count: group.store.read(group.pg, head, block, count), request.session.name,
        )  # fmt: skip
        apply(change, request.data)
        if not change.entries:
            self._succeed(request, change.version)
            return
        osd.refuse_when_full(op)
        transaction, entries = change.transaction, tuple(change.entries)
        group.append(transaction, entries)
        last = entries[-1].version
        group.submit(transaction, lambda: self._one_done(osd.number, last))
        sub_op = SubOp(group.pg, osd.epoch, group.since, newest, entries, transaction.head)
        group.remember(entries)
        for number in group.replicas:
            group.ask(number, last, sub_op, transaction.data)
        hot.state = change.state
        if plain:
            hot.plain[last] = (op.offset // BLOCK, (op.offset + len(request.data) - 1) // BLOCK)
        else:
            hot.exclusive = True
        self.hot[op.name] = hot
        self.under_way[last] = UnderWay(request, hot, set(group.interval.acting), change.version)
        self._numbers[request.session.name, op.number] = last

    def replica_done(self, osd: int, version: Version) -> None:
        """A replica has a change durable."""
        if self.group.answered(osd, version):
            self._one_done(osd, version)

    def _one_done(self, osd: int, version: Version) -> None:
        change = self.under_way.get(version)
        if change is None:
            return
        change.waiting.discard(osd)
        if change.waiting:
            return
        del self.under_way[version]
        request, hot = change.request, change.hot
        self._numbers.pop((request.session.name, request.op.number), None)
        self._succeed(request, change.version)
        if hot.plain.pop(version, None) is None:
            hot.exclusive = False
        if not hot.plain and not hot.exclusive:
            self._cool(request.op.name, hot)
        elif hot.queue:
            self._unqueue(hot)

    def _cool(self, name: str, hot: Hot) -> None:
        """Nothing of an object is under way any more."""
        if self.hot.get(name) is hot:
            del self.hot[name]
        self._unqueue(hot)

    def _unqueue(self, hot: Hot) -> None:
        """What waited tries again, in its order; what must still wait is queued again."""
        requests, hot.queue = hot.queue, deque()
        for request in requests:
            self.handle(request)

    # -- reading ---------------------------------------------------------------------------------------------

    def _read(self, request: Request) -> None:
        group, op = self.group, request.op
        hot = self.hot.get(op.name)
        if hot is not None and (hot.queue or hot.overlaps(op)):
            hot.queue.append(request)
            return
        head = ObjectId(op.name)
        if head in group.missing:
            group.recovery.wait(head, request)
            return
        state = decode_state(group.store.info(group.pg, head))
        seen = seen_at(op.name, state, op.snap)
        if seen is None:
            self._fail(request, "not_found", f"there is no object {op.name}")
            return
        object_id, size = seen
        if object_id in group.missing:
            group.recovery.wait(object_id, request)
            return
        data: Sequence[Buffer] = ()
        length = min(op.length, size - op.offset)
        if op.kind == "read" and length > 0:
            data = (self._bytes(object_id, op.offset, length),)
        reply = ClientReply(op.number, "", group.osd.epoch, number_of(state.version), size)
        request.session.send(reply, data)

    def _bytes(self, object_id: ObjectId, offset: int, length: int) -> Buffer:
        first, skip = divmod(offset, BLOCK)
        blocks = self.group.store.read(self.group.pg, object_id, first, -(-(skip + length) // BLOCK))
        if not skip and len(blocks) == length:
            return blocks
        return memoryview(blocks)[skip : skip + length]

    def _list(self, request: Request) -> None:
        group, prefix = self.group, request.op.name
        names = {object_id.name for object_id in group.missing}
        after: ObjectId | None = None
        while page := group.store.list(group.pg, after):
            names.update(object_id.name for object_id, info in page if decode_state(info).exists and not object_id.snap)
            after = page[-1][0]
        found = tuple(sorted(name for name in names if name.startswith(prefix)))
        request.session.send(ClientReply(request.op.number, "", group.osd.epoch, names=found))

    # -- answers ---------------------------------------------------------------------------------------------

    def _succeed(self, request: Request, version: int) -> None:
        request.session.send(ClientReply(request.op.number, "", self.group.osd.epoch, version))

    def _fail(self, request: Request, code: str, detail: str = "") -> None:
        request.session.send(ClientReply(request.op.number, code, self.group.osd.epoch, detail=detail))

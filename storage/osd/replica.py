"""What replicas and strays do: they answer a primary, store what it orders, and hand over what it lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from storage.errors import ClusterFull
from storage.messages import (
    Activate,
    Activated,
    Listing,
    Pull,
    Push,
    PushDone,
    ScrubReply,
    ScrubRequest,
    SubOp,
    SubOpDone,
)
from storage.names import NO_VERSION
from storage.osd.keys import missing_key
from storage.osd.log import Log
from storage.osd.object_state import decode_state
from storage.osd.object_store import BlocksDamaged
from storage.osd.pg_states import PgState
from storage.osd.recovery import pushed
from storage.osd.scrub import examine
from storage.osd.transaction import RemoveMeta, Transaction

if TYPE_CHECKING:
    from storage.osd.placement_group import PlacementGroup


class Replica:
    """One placement group's copy on an OSD that is not its primary. What comes twice is answered again."""

    def __init__(self, group: PlacementGroup) -> None:
        self._group = group
        #: The newest change that is on the disk.
        self.durable = NO_VERSION

    def query(self, sender: int) -> None:
        """A new primary asks what is here."""
        group = self._group
        group.when_durable(lambda: group.osd.send(sender, group.notification()))

    def get_listing(self, sender: int) -> None:
        """It asks for all objects, because its log is too old."""
        group = self._group
        everything = {**group.objects(), **group.missing}
        group.osd.send(sender, Listing(group.pg, group.osd.number, group.since, tuple(everything.items())))

    def activate(self, message: Activate) -> None:
        """The primary tells the log that counts."""
        group = self._group
        if group.is_primary or group.state not in (PgState.STRAY, PgState.REPLICA_ACTIVE):
            return
        if group.state is PgState.REPLICA_ACTIVE and group.started == group.since:
            group.when_durable(self._say_activated)
            return
        if group.started == group.since:
            return  # being stored at this moment

        def durable() -> None:
            group.step("activated by the primary")
            self.durable = group.log.head
            self._say_activated()

        group.follow(Log(message.log, message.info.log_tail), message.objects, message.info, durable)

    def _say_activated(self) -> None:
        group = self._group
        primary = group.interval.primary
        assert primary is not None
        message = Activated(group.pg, group.osd.number, group.since, tuple(group.missing.items()))
        group.osd.send(primary, message)

    def sub_op(self, sender: int, message: SubOp, data: memoryview) -> None:
        """A change to store: in the order of versions, without gaps."""
        group = self._group
        if group.state is not PgState.REPLICA_ACTIVE:
            return
        last = message.entries[-1].version
        if last <= group.log.head:
            if last <= self.durable:
                group.osd.send(sender, SubOpDone(group.pg, group.osd.number, group.since, last))
            return
        if message.prior != group.log.head:
            return  # an earlier one is still to come: both are sent again
        transaction = Transaction.decode(message.head, data, verify=False)
        gone = [entry.object for entry in message.entries if entry.deleted and entry.object in group.missing]
        if gone:
            keys = [missing_key(object_id) for object_id in gone]
            forget = [RemoveMeta(group.pg, key, key + "\0") for key in keys]
            transaction = Transaction([*transaction.ops, *forget], transaction.data)

        def durable() -> None:
            self.durable = last
            group.osd.send(sender, SubOpDone(group.pg, group.osd.number, group.since, last))

        try:
            group.submit(transaction, durable)
        except ClusterFull:
            return  # the primary asks again; it refuses new writes long before
        for object_id in gone:
            del group.missing[object_id]
        group.remember(message.entries)

    def pull(self, sender: int, message: Pull) -> None:
        """The primary lacks an object that may be here."""
        group = self._group
        object_id, version = message.object, message.version
        nothing = Push(group.pg, group.osd.number, group.osd.epoch, group.since, object_id, version, False, b"")
        if object_id in group.missing or decode_state(group.store.info(group.pg, object_id)).version != version:
            group.osd.send(sender, nothing)
            return
        try:
            transaction = pushed(group.store, group.pg, object_id)
        except BlocksDamaged as damage:
            group.osd.say(f"{damage}: another copy is asked for")
            group.mark_missing({object_id: version})
            group.osd.send(sender, nothing)
            return
        message_with = msgspec.structs.replace(nothing, found=True, head=transaction.head)
        group.osd.send(sender, message_with, transaction.data)

    def push(self, sender: int, message: Push, data: memoryview) -> None:
        """An object that is missing here, or differs, comes whole."""
        group = self._group
        done = PushDone(group.pg, group.osd.number, group.since, message.object, message.version)
        if group.state is not PgState.REPLICA_ACTIVE:
            return
        if message.repair:
            is_older = decode_state(group.store.info(group.pg, message.object)).version > message.version
        else:
            is_older = message.object not in group.missing
        if is_older:
            group.when_durable(lambda: group.osd.send(sender, done))
        else:
            group.store_whole(message, data, lambda: group.osd.send(sender, done))

    def remove_copy(self) -> None:
        """This copy is needed no more."""
        group = self._group
        if group.osd.number not in group.interval.acting:
            group.osd.remove(group.pg)

    def scrub_request(self, sender: int, message: ScrubRequest) -> None:
        """What is here, for a comparison."""
        group = self._group
        found = examine(group.store, group.pg, message.objects, deep=message.deep, missing=group.missing)
        damaged = {item[0]: decode_state(item[1]).version for item in found if item[3]}
        if damaged:
            group.mark_missing(damaged)
        group.osd.send(sender, ScrubReply(group.pg, group.osd.number, group.since, message.number, found))

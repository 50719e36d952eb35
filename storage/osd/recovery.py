"""Recovery: an active group's primary copies what acting OSDs lack, what clients wait for first.

Own objects are pulled from whoever has them in the right version (strays included), then pushed to the replicas that
lack them. Until an object is whole everywhere, writes of it wait; a damaged copy (bad checksum) counts as missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from storage.messages import Pull, Push, PushDone
from storage.names import ObjectId, PgId
from storage.osd.log import Missing
from storage.osd.object_state import decode_state
from storage.osd.object_store import BlocksDamaged, ObjectStore
from storage.osd.pg_states import PgState as S
from storage.osd.transaction import Put, Remove, Transaction

if TYPE_CHECKING:
    from storage.osd.placement_group import PlacementGroup
    from storage.osd.serving import Request


def pushed(store: ObjectStore, pg: PgId, object_id: ObjectId) -> Transaction:
    """A transaction that makes another store's object what it is here. Raises BlocksDamaged."""
    info = store.info(pg, object_id)
    if info is None:
        return Transaction([Remove(pg, object_id)])
    transaction = Transaction([Remove(pg, object_id), Put(pg, object_id, info)])
    for block, count in store.extents(pg, object_id):
        transaction.write(pg, object_id, block, store.read(pg, object_id, block, count))
    return transaction


class Recovery:
    """What is missing where, and what is being copied."""

    def __init__(self, group: PlacementGroup) -> None:
        self.group = group
        self.lacking: dict[int, Missing] = {}
        self._waiting: dict[ObjectId, list[Request]] = {}
        self._under_way: dict[ObjectId, set[int]] = {}
        self._asked: dict[ObjectId, set[int]] = {}
        self._differing: set[tuple[int, ObjectId]] = set()
        self.unfound: set[ObjectId] = set()

    def reset(self) -> None:
        """A new interval: what is missing will be known again after peering."""
        self.group.osd.recovering -= len(self._under_way)
        waiting = [request for requests in self._waiting.values() for request in requests]
        self.lacking, self._waiting, self._under_way, self._asked = {}, {}, {}, {}
        self.unfound, self._differing = set(), set()
        for request in waiting:
            self.group.serving.again(request)

    def start(self, lacking: dict[int, Missing]) -> None:
        """The group is active. `lacking` has each acting OSD's missing objects; this OSD's own are `group.missing`."""
        self.lacking = {number: missing for number, missing in lacking.items() if number != self.group.osd.number}
        self.go_on()

    @property
    def degraded(self) -> int:
        """How many copies of objects are missing on acting OSDs."""
        return len(self.group.missing) + sum(map(len, self.lacking.values()))

    def lacked(self, object_id: ObjectId) -> bool:
        """Whether an acting OSD lacks it: then it can't be changed yet."""
        return object_id in self.group.missing or any(object_id in missing for missing in self.lacking.values())

    def wait(self, object_id: ObjectId, request: Request) -> None:
        """A client's operation needs it whole: it comes next."""
        self._waiting.setdefault(object_id, []).append(request)
        self._begin(object_id)

    def damaged(self, damage: BlocksDamaged, request: Request | None = None) -> None:
        """Blocks here do not fit their checksums: the object is fetched from another copy."""
        group = self.group
        group.osd.say(f"{damage}: it is fetched from another copy")
        version = decode_state(group.store.info(group.pg, damage.object_id)).version
        group.mark_missing({damage.object_id: version})
        if request is not None:
            self._waiting.setdefault(damage.object_id, []).append(request)
        self.repair()

    def replica_lacks(self, osd: int, lacking: Missing) -> None:
        """A scrub found objects missing or damaged on a replica."""
        self.lacking.setdefault(osd, {}).update(lacking)
        self._differing.update((osd, object_id) for object_id in lacking)
        self.repair()

    def repair(self) -> None:
        """Something that was whole is missing now."""
        if self.group.state is S.CLEAN:
            self.group.step("a copy is damaged or missing")
        self.go_on()

    # -- the work ---------------------------------------------------------------------------------------------------

    def go_on(self) -> None:
        """Begin as many copies as the OSD allows; notice when there are none left."""
        group = self.group
        if group.state is not S.RECOVERING:
            return
        if not self.degraded and not self._under_way:
            group.step("nothing is missing")
            group.peering.became_clean()
            return
        for object_id in self._order():
            if group.osd.recovering >= group.osd.settings.recoveries:
                return
            self._begin(object_id)

    def _order(self) -> Sequence[ObjectId]:
        order = dict.fromkeys(self._waiting)
        order.update(dict.fromkeys(self.group.missing))
        for missing in self.lacking.values():
            order.update(dict.fromkeys(missing))
        return [name for name in order if name not in self._under_way and name not in self.unfound]

    def _begin(self, object_id: ObjectId) -> None:
        group = self.group
        if object_id in self._under_way or not group.is_active:
            return
        if object_id in group.missing:
            self._pull(object_id)
        elif group.serving.is_quiet(object_id.name):
            self._push(object_id)

    def _pull(self, object_id: ObjectId) -> None:
        """From the next OSD that may have it; where all said no, it is unfound until somebody else comes."""
        group = self.group
        asked = self._asked.setdefault(object_id, set())
        holders = [number for number in group.replicas if object_id not in self.lacking.get(number, {})]
        holders += sorted(group.peering.holders() - set(group.interval.acting))
        source = next((number for number in holders if number not in asked), None)
        if source is None:
            self.unfound.add(object_id)
            return
        asked.add(source)
        self._claim(object_id, {source})
        version = group.missing[object_id]
        message = Pull(group.pg, group.osd.epoch, group.since, object_id, version)
        group.ask(source, ("pull", object_id), message)

    def pulled(self, sender: int, message: Push, data: memoryview) -> None:
        """An object has come, or its holder has it not."""
        group, object_id = self.group, message.object
        if not group.answered(sender, ("pull", object_id)):
            return
        if not message.found:
            self._release(object_id)
            self._begin(object_id)
            return
        if not group.store_whole(message, data, lambda: self._have(object_id)):
            self._release(object_id)
            self.unfound.add(object_id)  # until there is room: it is tried again every second

    def _have(self, object_id: ObjectId) -> None:
        self._asked.pop(object_id, None)
        self._release(object_id)
        self._settle(object_id)

    def _push(self, object_id: ObjectId) -> None:
        group = self.group
        targets = {number for number, missing in self.lacking.items() if object_id in missing}
        if not targets:
            self._settle(object_id)
            return
        try:
            transaction = pushed(group.store, group.pg, object_id)
        except BlocksDamaged as damage:
            self.damaged(damage)
            return
        self._claim(object_id, targets)
        version = decode_state(group.store.info(group.pg, object_id)).version
        for number in targets:
            message = Push(
                group.pg, group.osd.number, group.osd.epoch, group.since, object_id, version, True, transaction.head,
                (number, object_id) in self._differing,
            )  # fmt: skip
            group.ask(number, ("push", object_id), message, transaction.data)

    def push_done(self, sender: int, message: PushDone) -> None:
        """A replica has the object."""
        object_id = message.object
        if not self.group.answered(sender, ("push", object_id)):
            return
        self.lacking[sender].pop(object_id, None)
        self._differing.discard((sender, object_id))
        targets = self._under_way.get(object_id, set())
        targets.discard(sender)
        if not targets:
            self._release(object_id)
            self._settle(object_id)

    def _settle(self, object_id: ObjectId) -> None:
        """One step of an object's recovery is done: the next one, or whoever waits for it."""
        if self._waiting.get(object_id) and not self.lacked(object_id):
            for request in self._waiting.pop(object_id):
                self.group.serving.handle(request)
        elif object_id in self._waiting:
            # reads need only the primary's copy
            requests = self._waiting.pop(object_id)
            self._begin(object_id)
            for request in requests:
                self.group.serving.handle(request)
        self.go_on()

    def look_again(self) -> None:
        """Now and then: ask for unfound objects once more."""
        if self.unfound:
            self.unfound.clear()
            self._asked.clear()
        self.go_on()

    def _claim(self, object_id: ObjectId, others: set[int]) -> None:
        self._under_way[object_id] = set(others)
        self.group.osd.recovering += 1

    def _release(self, object_id: ObjectId) -> None:
        if self._under_way.pop(object_id, None) is not None:
            self.group.osd.recovering -= 1

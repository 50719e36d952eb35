"""Scrub: compare what the acting OSDs hold; a deep scrub reads every byte from the disks. What differs is repaired.

Objects that change meanwhile are left for the next time. A damaged copy (its checksums do not fit) is fetched anew from
a whole one; where copies differ although all fit, most of them decide, or the primary's where there is no majority.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING

from storage.messages import ScrubReply, ScrubRequest
from storage.names import ObjectId, PgId, Version
from storage.osd.object_state import decode_state
from storage.osd.object_store import ObjectStore

if TYPE_CHECKING:
    from storage.osd.placement_group import PlacementGroup

#: Objects in one request.
CHUNK = 8
#: What an OSD says of an object: its info, the digest of its data, its damaged blocks.
Found = tuple[ObjectId, bytes | None, int, tuple[int, ...]]


def examine(
    store: ObjectStore, pg: PgId, objects: Sequence[ObjectId], *, deep: bool, missing: Mapping[ObjectId, Version]
) -> tuple[Found, ...]:
    """What this store holds of some objects."""
    found: list[Found] = []
    for object_id in objects:
        info = None if object_id in missing else store.info(pg, object_id)
        if info is None or not deep:
            found.append((object_id, info, 0, ()))
        else:
            scrubbed = store.scrub(pg, object_id)
            found.append((object_id, info, scrubbed.digest, scrubbed.damaged))
    return tuple(found)


def bad_copies(copies: Mapping[int, Found], primary: int) -> set[int]:
    """The OSDs whose copy must be fetched anew; empty where all agree, or where no copy is whole."""
    damaged = {osd for osd, (_, _, _, blocks) in copies.items() if blocks}
    whole = {osd: (info, digest) for osd, (_, info, digest, _) in copies.items() if osd not in damaged}
    if not whole:
        return set()
    (common, votes), *_ = Counter(whole.values()).most_common()
    if primary in whole and votes <= len(whole) / 2:
        common = whole[primary]
    return damaged | {osd for osd, value in whole.items() if value != common}


class Scrub:
    """A primary's scrub of its group."""

    def __init__(self, group: PlacementGroup) -> None:
        self.group = group
        self.errors = 0
        self.done = 0.0
        self.deep_done = 0.0
        self.ordered: bool | None = None
        self._numbers = count(1)
        self.reset()

    def reset(self) -> None:
        """A new interval ends a scrub."""
        self._left: list[ObjectId] | None = None
        self._deep = False
        self._number = 0
        self._replies: dict[int, tuple[Found, ...]] = {}
        self._found_errors = 0

    @property
    def is_running(self) -> bool:
        """Whether a scrub is under way."""
        return self._left is not None

    @property
    def is_deep(self) -> bool:
        """Whether the one under way reads all data."""
        return self._deep

    def tick(self) -> None:
        """Begin when it is time or somebody asked; only a group with nothing missing is scrubbed."""
        group, settings = self.group, self.group.osd.settings
        if self.is_running or group.recovery.degraded:
            return
        now = group.osd.wall()
        if not self.done and self.ordered is None:
            self.done = self.deep_done = now  # a fresh start is no reason to read everything
        deep_due = now - self.deep_done > settings.deep_scrub_every
        if self.ordered is None and not deep_due and now - self.done <= settings.scrub_every:
            return
        self._deep, self.ordered = deep_due if self.ordered is None else self.ordered, None
        self._left = sorted(group.objects())
        self._next()

    def _next(self) -> None:
        group = self.group
        assert self._left is not None
        if not self._left:
            self._finish()
            return
        chunk, self._left = tuple(self._left[:CHUNK]), self._left[CHUNK:]
        self._number = next(self._numbers)
        own = examine(group.store, group.pg, chunk, deep=self._deep, missing=group.missing)
        self._replies = {group.osd.number: own}
        for osd in group.replicas:
            message = ScrubRequest(group.pg, group.osd.epoch, group.since, self._number, self._deep, chunk)
            group.ask(osd, ("scrub", self._number), message)
        self._compare_when_all_replied()

    def replied(self, sender: int, message: ScrubReply) -> None:
        """A replica has looked."""
        if self.group.answered(sender, ("scrub", message.number)) and message.number == self._number:
            self._replies[sender] = message.found
            self._compare_when_all_replied()

    def _compare_when_all_replied(self) -> None:
        if set(self._replies) != set(self.group.interval.acting):
            return
        replies, self._replies = self._replies, {}
        for index, own in enumerate(replies[self.group.osd.number]):
            self._compare(own[0], {osd: found[index] for osd, found in replies.items()})
        if self.is_running:
            self._next()

    def _compare(self, object_id: ObjectId, copies: dict[int, Found]) -> None:
        group = self.group
        versions = {decode_state(info).version for _, info, _, _ in copies.values()}
        current = decode_state(group.store.info(group.pg, object_id)).version
        if not group.serving.is_quiet(object_id.name) or current not in versions:
            return  # it changes: the next scrub will see it
        bad = bad_copies(copies, group.osd.number)
        if not bad:
            self._found_errors += any(blocks for _, _, _, blocks in copies.values())
            return
        self._found_errors += 1
        group.osd.say(f"scrub of {group.pg}: {object_id} is damaged or differs on {sorted(bad)}; it is repaired")
        right = next(decode_state(copies[osd][1]).version for osd in copies if osd not in bad)
        if group.osd.number in bad:
            group.mark_missing({object_id: right})
        for osd in bad - {group.osd.number}:
            group.recovery.replica_lacks(osd, {object_id: right})
        if group.osd.number in bad:
            group.recovery.repair()

    def _finish(self) -> None:
        group = self.group
        self.errors, self._left = self._found_errors, None
        self.done = group.osd.wall()
        kind = "deep-scrub" if self._deep else "scrub"
        if self._deep:
            self.deep_done = self.done
        group.osd.say(f"{kind} of {group.pg}: {self._found_errors} objects needed repair")
        self._found_errors = 0

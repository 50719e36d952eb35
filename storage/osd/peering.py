"""Peering: how a new primary finds out what was acknowledged, and brings the acting OSDs to one log before it serves.

1. GetInfo: ask everybody who may know (`intervals.prior`) for their info, log and missing objects.
2. The authoritative log is the newest among those that were activated in the latest interval: it has every acknowledged
   write, since each was on all acting OSDs.
3. WaitUpThru: the map must say that this interval may have written, before it can.
4. WaitLease: reads that an earlier primary may still serve by a lease must have become impossible.
5. Activating: all acting OSDs take over the log, and say which objects they lack; then clients are served, and
   `recovery` copies what is missing.

Source: Ceph's peering; the wait for leases is Octopus's `readable_until`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.messages import (
    Activate,
    Activated,
    GetListing,
    Listing,
    Notify,
    PgInfo,
    Query,
    RemovePgCopy,
    Started,
    UpThru,
)
from storage.names import ObjectId, Version
from storage.osd.intervals import PastInterval, past_intervals, prior
from storage.osd.log import Log, Missing, common_point
from storage.osd.pg_states import PgState as S

if TYPE_CHECKING:
    from storage.osd.placement_group import Objects, PlacementGroup


def authority_of(infos: dict[int, PgInfo], me: int) -> int:
    """Whose log counts: activated in the latest interval, then the newest; this OSD's own where it is as good."""
    latest = max(info.last_epoch_started for info in infos.values())
    candidates = [osd for osd, info in infos.items() if info.last_epoch_started == latest]
    newest = max(infos[osd].last_update for osd in candidates)
    best = [osd for osd in candidates if infos[osd].last_update == newest]
    return me if me in best else min(best)


class Peering:
    """A primary's way from a new interval to serving clients."""

    def __init__(self, group: PlacementGroup) -> None:
        self.group = group
        self.reset()

    def reset(self) -> None:
        """A new interval begins."""
        self.notified_by: dict[int, Notify] = {}
        self.lacking: dict[int, Missing] = {}
        self.strays: set[int] = set()
        self.blocked_by: frozenset[int] = frozenset()
        self._probe: frozenset[int] = frozenset()
        self._past: tuple[int, list[PastInterval]] | None = None
        self._leases_over = 0.0
        self._authority: int | None = None
        self._objects: Objects | None = None

    def start(self) -> None:
        """Ask everybody who may know."""
        group = self.group
        self.notified_by[group.osd.number] = group.notification()
        self._hear_promises(self.notified_by[group.osd.number])
        self.ask_up_thru()
        self.advance()

    def ask_up_thru(self) -> None:
        """Have the map say that this interval may write."""
        group, osd = self.group, self.group.osd
        if len(group.interval.acting) >= group.interval.min_size and not self._is_up_thru():
            osd.send_up_thru(UpThru(osd.number, osd.incarnation, osd.epoch))

    def _is_up_thru(self) -> bool:
        osd = self.group.osd
        return osd.map.osds[osd.number].up_thru >= self.group.since

    # -- events ----------------------------------------------------------------------------------------------

    def notified(self, message: Notify) -> None:
        """Somebody said what they have."""
        group = self.group
        group.answered(message.osd, "query")
        if not group.is_primary:
            return
        if message.osd not in group.interval.acting:
            self.strays.add(message.osd)
            if group.state is S.CLEAN:
                self.dismiss_strays()
        if group.state not in (S.GET_INFO, S.DOWN):
            return
        self.notified_by[message.osd] = message
        self._hear_promises(message)
        group.history_started = max(group.history_started, message.info.history_started)
        group.history_clean = max(group.history_clean, message.info.history_clean)
        self.advance()

    def _hear_promises(self, message: Notify) -> None:
        for owner, seconds in message.promises:
            if owner not in self.notified_by:  # an owner that has answered knows that its interval is over
                self._leases_over = max(self._leases_over, self.group.osd.now() + seconds)

    def listed(self, message: Listing) -> None:
        """The authoritative copy has said what there should be."""
        group = self.group
        if group.state is S.GET_LISTING and group.answered(message.osd, "listing"):
            self._objects = message.objects
            group.step("own objects compared")
            self.advance()

    def activated(self, message: Activated) -> None:
        """A replica follows the log."""
        group = self.group
        if group.state is S.ACTIVATING and group.answered(message.osd, "activate"):
            self.lacking[message.osd] = dict(message.missing)
            self._finish()

    # -- the way ---------------------------------------------------------------------------------------------

    def advance(self) -> None:
        """Go as far as what is known allows; called after each event, each new map, and now and then."""
        group = self.group
        if group.state in (S.GET_INFO, S.DOWN, S.GET_LISTING):
            self._look_for_authority()
        if group.state is S.WAIT_UP_THRU and self._is_up_thru():
            group.step("the map says alive")
        if group.state is S.WAIT_LEASE and group.osd.now() >= self._leases_over:
            group.step("earlier leases are over")
            self._activate()

    def _look_for_authority(self) -> None:
        group, osd = self.group, self.group.osd
        if self._past is None or self._past[0] != group.history_started:
            past = past_intervals(osd.maps, group.pg, group.history_started, group.since)
            self._past = (group.history_started, past)
        found = prior(self._past[1], osd.map, group.interval.acting)
        self.blocked_by, self._probe = found.blocked_by, found.probe
        if group.state is S.GET_LISTING and (found.blocked_by or self._authority not in found.probe):
            group.step("the authority went away")
            group.unanswered.clear()
        if found.blocked_by:
            if group.state is S.GET_INFO:
                group.step("an interval that may have written has nobody up")
                osd.say(f"{group.pg} is down: it needs one of {sorted(found.blocked_by)}, who may have newer writes")
            return
        if group.state is S.DOWN:
            group.step("somebody of it is up")
        silent = found.probe - set(self.notified_by)
        for number in silent:
            if (number, "query") not in group.unanswered:
                group.ask(number, "query", Query(group.pg, osd.epoch, group.since))
        if not silent and group.state is S.GET_INFO:
            self._choose()

    def _choose(self) -> None:
        group, osd = self.group, self.group.osd
        if len(group.interval.acting) < group.interval.min_size:
            group.step("fewer than min_size act")
            return
        infos = {number: self.notified_by[number].info for number in self._probe}
        self._authority = authority_of(infos, osd.number)
        authority = self._authority_log()
        if common_point(group.log, authority) is None:
            group.step("own log is too old")
            group.ask(self._authority, "listing", GetListing(group.pg, osd.epoch, group.since))
        else:
            group.step("logs merged")

    def _authority_log(self) -> Log:
        assert self._authority is not None
        chosen = self.notified_by[self._authority]
        return Log(chosen.log, chosen.info.log_tail)

    def _activate(self) -> None:
        group, osd = self.group, self.group.osd
        authority = self._authority_log()
        everything: dict[ObjectId, Version] = group.objects()
        removed = group.follow(authority, self._objects, group.info(), self._followed)
        everything.update(group.missing)
        for object_id in removed:
            everything.pop(object_id, None)
        info, log = group.info(), tuple(authority.entries)
        for number in group.replicas:
            theirs = self.notified_by[number]
            meets = common_point(Log(theirs.log, theirs.info.log_tail), authority) is not None
            objects = None if meets else tuple(everything.items())
            group.ask(number, "activate", Activate(group.pg, osd.epoch, group.since, info, log, objects))

    def _followed(self) -> None:
        self.lacking[self.group.osd.number] = self.group.missing
        self._finish()

    def _finish(self) -> None:
        group = self.group
        if set(self.lacking) == set(group.interval.acting):
            group.step("all have activated")
            self._tell_started(clean=False)
            group.recovery.start(self.lacking)
            group.serving.resume()

    def _tell_started(self, *, clean: bool) -> None:
        group = self.group
        group.note_started(clean=clean)
        for number in group.replicas:
            group.osd.send(number, Started(group.pg, group.osd.epoch, group.since, clean))

    def holders(self) -> set[int]:
        """Who may have objects: everybody who has said that they have a copy."""
        return (set(self.notified_by) | self.strays) - {self.group.osd.number}

    def became_clean(self) -> None:
        """Nothing is missing on any acting OSD: where they are as many as there should be, history ends here."""
        if len(self.group.interval.acting) == self.group.pool.size:
            self._tell_started(clean=True)
            self.dismiss_strays()

    def dismiss_strays(self) -> None:
        """Copies on OSDs that act no more are not needed when all acting ones are whole."""
        group = self.group
        if len(group.interval.acting) < group.pool.size:
            return
        for number in self.strays:
            group.osd.send(number, RemovePgCopy(group.pg, group.osd.epoch, group.since))
        self.strays.clear()

"""What the monitors decide by themselves: who is up or down, what is in or out. Pure: map and reports in, map out.

All monitors hear the same and decide alike; whoever is first to write the next epoch has decided, the others follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from storage.cluster_map import ClusterMap, Osd
from storage.messages import Boot
from storage.mon.reports import Reports


@dataclass(frozen=True)
class Patience:
    """Seconds that the monitors wait."""

    #: A request to boot is repeated every half second; an older one may be of a process that is gone.
    boot: float = 2.0
    #: Without a beacon for so long, an OSD is down even if no other OSD says so.
    beacon: float = 5.0
    #: An OSD that has been down for so long is out: its data goes elsewhere.
    out: float = 60.0
    #: A fenced client stays fenced for so long.
    blocklist: float = 86400.0


class Draft:
    """The next map in the making, and why."""

    def __init__(self, cluster: ClusterMap, wall: float) -> None:
        self.cluster, self.wall = cluster, wall
        self.epoch = cluster.epoch + 1
        self.osds = dict(cluster.osds)
        self.changes: dict[str, Any] = {}
        self.reasons: list[str] = []

    def set_osd(self, number: int, reason: str, **changes: Any) -> None:
        """Change an OSD's entry."""
        self.osds[number] = replace(self.osds[number], **changes)
        self.reasons.append(reason)

    def set(self, reason: str, **changes: Any) -> None:
        """Change the map itself."""
        self.changes.update(changes)
        self.reasons.append(reason)

    def finish(self) -> ClusterMap | None:
        """The next map; None where nothing changes."""
        if not self.reasons:
            return None
        reason = "; ".join(self.reasons)
        return replace(
            self.cluster, epoch=self.epoch, osds=self.osds, modified=self.wall, reason=reason, **self.changes
        )  # fmt: skip


def decide(cluster: ClusterMap, reports: Reports, now: float, wall: float, patience: Patience) -> ClusterMap | None:
    """The next map that the reports ask for, with all that is to be changed; None where nothing is."""
    draft = Draft(cluster, wall)
    for when, boot in reports.boots.values():
        if now - when <= patience.boot and refusal(cluster, boot) is None and _may_boot(cluster, reports, boot, now):
            _boot(draft, boot)
    _mark_down(draft, reports, now, patience)
    _mark_out(draft, patience)
    for number, asked in reports.up_thru.items():
        osd = draft.osds.get(number)
        if (
            osd is not None and osd.up and osd.incarnation == asked.incarnation
            and max(osd.up_thru + 1, osd.up_from) <= asked.epoch
        ):  # fmt: skip
            draft.set_osd(number, f"osd.{number} lives in {asked.epoch}", up_thru=cluster.epoch)
    expired = [client for client, until in cluster.blocklist.items() if until < wall]
    if expired:
        left = {client: until for client, until in cluster.blocklist.items() if until >= wall}
        draft.set(f"{', '.join(expired)} not fenced any more", blocklist=left)
    _trim(draft, reports)
    return draft.finish()


def is_booted(cluster: ClusterMap, boot: Boot) -> bool:
    """Whether the map has what this boot asks for."""
    osd = cluster.osds.get(boot.osd)
    return osd is not None and osd.up and osd.incarnation == boot.incarnation and osd.address == boot.address


def refusal(cluster: ClusterMap, boot: Boot) -> str | None:
    """Why an OSD may not boot; None where it may."""
    osd = cluster.osds.get(boot.osd)
    if osd is None or osd.uuid == boot.uuid:
        return None
    return (
        f"osd.{boot.osd} is another disk than the one the map knows. If the old one is lost for good, say so with"
        f" 'quorate storage osd purge {boot.osd}'; the new one is filled then."
    )  # fmt: skip


def _may_boot(cluster: ClusterMap, reports: Reports, boot: Boot, now: float) -> bool:
    """A process that was wrongly taken for dead must know of that; and where it happens again and again, it waits."""
    osd = cluster.osds.get(boot.osd)
    if osd is None or osd.incarnation != boot.incarnation:
        return True
    if osd.up:
        return osd.address != boot.address
    return boot.epoch >= osd.down_at and not reports.must_wait(boot.osd, now)


def _boot(draft: Draft, boot: Boot) -> None:
    old = draft.osds.get(boot.osd)
    if old is None:
        old = Osd(uuid=boot.uuid, host=boot.host, zone=boot.zone, address="", weight=boot.weight, created=draft.epoch)
    draft.osds[boot.osd] = replace(
        old, host=boot.host, zone=boot.zone, address=boot.address, incarnation=boot.incarnation, up=True,
        up_from=draft.epoch, up_thru=0, since=draft.wall, placed=old.placed or old.auto_out, auto_out=False,
    )  # fmt: skip
    draft.reasons.append(f"osd.{boot.osd} boots")


def _mark_down(draft: Draft, reports: Reports, now: float, patience: Patience) -> None:
    """Those most accused first: an OSD that is cut off accuses everybody, and is accused by everybody."""
    cluster = draft.cluster
    accused = {number: reports.accusers(number, cluster, now) for number, osd in cluster.osds.items() if osd.up}
    for number in sorted(accused, key=lambda target: -len(accused[target])):
        believed = {reporter for reporter in accused[number] if draft.osds[reporter].up}
        others = [other for other, osd in draft.osds.items() if osd.up and other != number]
        if believed and len(believed) >= min(2, len(others)) and draft.osds[number].up:
            reason = accused[number][min(believed)]
            names = ", ".join(f"osd.{reporter}" for reporter in sorted(believed))
            _down(draft, number, f"osd.{number} down: {reason}, say {names}")
    if not reports.is_judge(now, patience.beacon):
        return  # perhaps it is this monitor that hears nothing
    for number, osd in list(draft.osds.items()):
        is_settled = draft.wall - osd.since > patience.beacon and osd.up_from != draft.epoch
        if osd.up and is_settled and reports.is_silent(number, now, patience.beacon):
            _down(draft, number, f"osd.{number} down: no beacon for {patience.beacon:.0f} s")


def _down(draft: Draft, number: int, reason: str) -> None:
    draft.set_osd(number, reason, up=False, down_at=draft.epoch, since=draft.wall)


def _mark_out(draft: Draft, patience: Patience) -> None:
    """Not where its data would have nowhere to go: as many failure domains must be left as the largest pool needs."""
    for number, osd in list(draft.osds.items()):
        if osd.up or not osd.placed or draft.wall - osd.since < patience.out:
            continue
        left = [other for key, other in draft.osds.items() if key != number and other.placed and other.weight > 0]
        domains = {"osd": len(left), "host": len({o.host for o in left}), "zone": len({o.zone for o in left})}
        if all(domains[pool.failure_domain] >= pool.size for pool in draft.cluster.pools.values()):
            draft.set_osd(number, f"osd.{number} out: down for {patience.out:.0f} s", placed=False, auto_out=True)


#: So many maps are kept at least.
KEPT_MAPS = 500


def _trim(draft: Draft, reports: Reports) -> None:
    """Maps from before every placement group was clean are needed no more."""
    cluster = draft.cluster
    pgs = reports.pgs(cluster)
    if not pgs or len(pgs) < len(cluster.pgs()):
        return
    floor = min(*(report.last_epoch_clean for report in pgs.values()), cluster.epoch - KEPT_MAPS)
    if floor >= cluster.floor + KEPT_MAPS:
        draft.set(f"maps before {floor} are forgotten", floor=floor)

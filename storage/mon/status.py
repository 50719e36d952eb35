"""What `quorate storage` asks: the state of the cluster from the map and the reports, as plain values. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from storage.cluster_map import ClusterMap
from storage.mon.reports import Reports

#: Above this share of the disk an OSD refuses to write.
FULL = 0.95


def health(cluster: ClusterMap, reports: Reports, monitors: dict[str, bool]) -> tuple[str, dict[str, str]]:
    """Ceph's HEALTH_OK, HEALTH_WARN or HEALTH_ERR, and its checks with a sentence each."""
    checks: dict[str, str] = {}
    pgs = reports.pgs(cluster)
    silent = sorted(name for name, is_there in monitors.items() if not is_there)
    if silent:
        checks["MON_DOWN"] = f"{len(silent)}/{len(monitors)} mons down: {', '.join(silent)}"
    down = sorted(number for number, osd in cluster.osds.items() if not osd.up and osd.placed)
    if down:
        checks["OSD_DOWN"] = f"{len(down)} osds down: {', '.join(f'osd.{number}' for number in down)}"
    inactive = [pg for pg in cluster.pgs() if pg not in pgs or not pgs[pg].state.startswith("active")]
    if inactive:
        checks["PG_AVAILABILITY"] = f"Reduced data availability: {len(inactive)} pgs inactive"
    degraded = sum(report.degraded for report in pgs.values())
    undersized = sum("undersized" in report.state for report in pgs.values())
    if degraded or undersized:
        checks["PG_DEGRADED"] = (
            f"Degraded data redundancy: {degraded} object copies missing, {undersized} pgs undersized"
        )
    unfound = sum(report.unfound for report in pgs.values())
    if unfound:
        checks["OBJECT_UNFOUND"] = f"{unfound} objects unfound"
    errors = sum(report.errors for report in pgs.values())
    if errors:
        checks["OSD_SCRUB_ERRORS"] = f"{errors} objects were damaged at the last scrub (and repaired)"
    full = [
        number
        for number, (_, beacon) in reports.beacons.items()
        if number in cluster.osds and beacon.used_bytes > FULL * beacon.total_bytes > 0
    ]
    if full:
        checks["OSD_FULL"] = f"{len(full)} full osds: {', '.join(f'osd.{number}' for number in sorted(full))}"
    is_error = inactive or unfound or full
    return ("HEALTH_ERR" if is_error else "HEALTH_WARN" if checks else "HEALTH_OK"), checks


def status(cluster: ClusterMap, reports: Reports, monitors: dict[str, bool]) -> dict[str, Any]:
    """What `ceph -s` shows."""
    verdict, checks = health(cluster, reports, monitors)
    pgs = reports.pgs(cluster)
    states = Counter(pgs[pg].state if pg in pgs else "unknown" for pg in cluster.pgs())
    up = [osd for osd in cluster.osds.values() if osd.up]
    beacons = [beacon for number, (_, beacon) in reports.beacons.items() if number in cluster.osds]
    return {
        "fsid": cluster.fsid,
        "epoch": cluster.epoch,
        "health": verdict,
        "checks": checks,
        "monitors": monitors,
        "osds": {"total": len(cluster.osds), "up": len(up), "in": sum(osd.placed for osd in cluster.osds.values())},
        "pools": len(cluster.pools),
        "pgs": dict(states),
        "objects": sum(report.objects for report in pgs.values()),
        "bytes": sum(report.bytes for report in pgs.values()),
        "degraded": sum(report.degraded for report in pgs.values()),
        "used_bytes": sum(beacon.used_bytes for beacon in beacons),
        "total_bytes": sum(beacon.total_bytes for beacon in beacons),
    }


def osd_tree(cluster: ClusterMap, reports: Reports) -> list[dict[str, Any]]:
    """What `ceph osd tree` shows, a row for each OSD, with its zone and host; and for how many groups it is primary."""
    primaries = Counter(cluster.interval(pg).primary for pg in cluster.pgs())
    members = Counter(number for pg in cluster.pgs() for number in cluster.interval(pg).acting)
    rows = []
    for number, osd in sorted(cluster.osds.items(), key=lambda item: (item[1].zone, item[1].host, item[0])):
        beacon = reports.beacons.get(number)
        rows.append(
            {
                "osd": number,
                "zone": osd.zone,
                "host": osd.host,
                "weight": osd.weight,
                "up": osd.up,
                "in": osd.placed,
                "address": osd.address,
                "uuid": osd.uuid,
                "since": osd.since,
                "pgs": members[number],
                "primary": primaries[number],
                "used_bytes": beacon[1].used_bytes if beacon else 0,
                "total_bytes": beacon[1].total_bytes if beacon else 0,
                "epoch": beacon[1].epoch if beacon else 0,
            }
        )
    return rows


def pg_ls(cluster: ClusterMap, reports: Reports) -> list[dict[str, Any]]:
    """What `ceph pg ls` shows."""
    pgs = reports.pgs(cluster)
    rows = []
    for pg in cluster.pgs():
        interval, report = cluster.interval(pg), pgs.get(pg)
        row: dict[str, Any] = {
            "pg": str(pg),
            "state": "unknown",
            "acting": interval.acting,
            "primary": interval.primary,
        }
        row |= {"placed": cluster.placed(pg), "objects": 0, "bytes": 0, "degraded": 0, "unfound": 0, "version": "0'0"}
        if report is not None:
            fields = ("state", "objects", "bytes", "degraded", "unfound", "scrubbed", "deep_scrubbed", "errors")
            row |= {name: getattr(report, name) for name in fields}
            row["version"] = str(report.last_update)
        rows.append(row)
    return rows


def pool_ls(cluster: ClusterMap, reports: Reports) -> list[dict[str, Any]]:
    """What `ceph osd pool ls detail` shows."""
    pgs = reports.pgs(cluster)
    return [
        {"id": number, **msgspec.to_builtins(pool)}
        | {"objects": sum(report.objects for pg, report in pgs.items() if pg.pool == number)}
        | {"bytes": sum(report.bytes for pg, report in pgs.items() if pg.pool == number)}
        for number, pool in cluster.pools.items()
    ]

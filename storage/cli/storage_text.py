"""What `quorate storage` prints: the monitors' answers, laid out as the `ceph` command does it. Pure."""

from __future__ import annotations

import time
from typing import Any

from storage.cli.words import size, table


def status_text(answer: dict[str, Any]) -> str:
    """As `ceph -s` lays it out."""
    monitors, osds, pgs = answer["monitors"], answer["osds"], answer["pgs"]
    there = [name for name, is_there in monitors.items() if is_there]
    lines = ["  cluster:", f"    id:     {answer['fsid']}", f"    health: {answer['health']}"]
    lines += [f"            {sentence}" for sentence in answer["checks"].values()]
    lines += ["", "  services:", f"    mon: {len(there)}/{len(monitors)} daemons answer: {', '.join(there)}"]
    lines += [f"    osd: {osds['total']} osds: {osds['up']} up, {osds['in']} in; map epoch {answer['epoch']}"]
    count = sum(pgs.values())
    lines += ["", "  data:", f"    pools:   {answer['pools']} pools, {count} pgs"]
    lines += [f"    objects: {answer['objects']} objects, {size(answer['bytes'])}"]
    free = answer["total_bytes"] - answer["used_bytes"]
    lines += [f"    usage:   {size(answer['used_bytes'])} used, {size(free)} / {size(answer['total_bytes'])} avail"]
    if answer["degraded"]:
        lines += [f"    {answer['degraded']} object copies degraded"]
    states = sorted(pgs.items(), key=lambda item: -item[1])
    lines += [
        f"    {'pgs:' if not index else '    '}     {number:<4} {name}" for index, (name, number) in enumerate(states)
    ]
    return "\n".join(lines)


def tree_text(rows: list[dict[str, Any]]) -> str:
    """As `ceph osd tree` lays it out."""
    lines: list[list[object]] = [["", round(sum(row["weight"] for row in rows), 5), "root default", "", "", "", ""]]
    zone = host = None
    for row in rows:
        if row["zone"] != zone:
            zone, host = row["zone"], None
            lines.append(["", "", f"    zone {zone}", "", "", "", ""])
        if (row["zone"], row["host"]) != (zone, host):
            host = row["host"]
            lines.append(["", "", f"        host {host}", "", "", "", ""])
        state = "up" if row["up"] else "down"
        reweight = f"{1.0 if row['in'] else 0.0:.5f}"
        lines.append(
            [row["osd"], row["weight"], f"            osd.{row['osd']}", state, reweight, row["pgs"], row["primary"]]
        )
    return table(("ID", "WEIGHT", "TYPE NAME", "STATUS", "REWEIGHT", "PGS", "PRIMARY OF"), lines)


def df_text(rows: list[dict[str, Any]]) -> str:
    """As `ceph osd df` lays it out."""
    lines = [
        [row["osd"], row["weight"], size(row["total_bytes"]), size(row["used_bytes"]),
         f"{100 * row['used_bytes'] / max(1, row['total_bytes']):.2f}", row["pgs"], "up" if row["up"] else "down"]
        for row in rows
    ]  # fmt: skip
    return table(("ID", "WEIGHT", "SIZE", "USED", "%USE", "PGS", "STATUS"), lines)


def dump_text(cluster: dict[str, Any]) -> str:
    """As `ceph osd dump` lays it out."""
    lines = [f"epoch {cluster['epoch']}", f"fsid {cluster['fsid']}", f"modified {moment(cluster['modified'])}"]
    lines += [
        f"pool {number} '{pool['name']}' replicated size {pool['size']} min_size {pool['min_size']}"
        f" pg_num {pool['pg_num']} failure_domain {pool['failure_domain']} created {pool['created']}"
        for number, pool in sorted(cluster["pools"].items(), key=lambda item: int(item[0]))
    ]
    lines += [f"max_osd {max((int(number) for number in cluster['osds']), default=-1) + 1}"]
    lines += [
        f"osd.{number} {'up' if osd['up'] else 'down':4} {'in' if osd['placed'] else 'out':3} weight {osd['weight']:g}"
        f" up_from {osd['up_from']} up_thru {osd['up_thru']} down_at {osd['down_at']} {osd['address']} {osd['uuid']}"
        for number, osd in sorted(cluster["osds"].items(), key=lambda item: int(item[0]))
    ]
    lines += [f"blocklist {client} expires {moment(until)}" for client, until in sorted(cluster["blocklist"].items())]
    return "\n".join(lines)


def history_text(maps: list[dict[str, Any]]) -> str:
    """Each epoch, when it was made, and why."""
    return table(("EPOCH", "MADE", "REASON"), [[one["epoch"], moment(one["modified"]), one["reason"]] for one in maps])


def pgs_text(rows: list[dict[str, Any]]) -> str:
    """As `ceph pg ls` lays it out."""
    lines = [
        [row["pg"], row["objects"], row["degraded"], row["unfound"], size(row["bytes"]), row["state"],
         row["version"], str(list(row["acting"])), "none" if row["primary"] is None else f"osd.{row['primary']}"]
        for row in rows
    ]  # fmt: skip
    titles = ("PG", "OBJECTS", "DEGRADED", "UNFOUND", "BYTES", "STATE", "VERSION", "ACTING", "PRIMARY")
    return table(titles, lines)


def pools_text(rows: list[dict[str, Any]]) -> str:
    """A row for each pool."""
    names = ("id", "name", "size", "min_size", "pg_num", "failure_domain", "objects")
    lines = [[*(row[name] for name in names), size(row["bytes"])] for row in rows]
    return table((*(name.upper() for name in names), "BYTES"), lines)


def moment(seconds: float) -> str:
    """A unix time as UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))

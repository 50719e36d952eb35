"""`quorate storage …`: the cluster, as the `ceph` command shows and changes it."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from storage.cli.address import ask
from storage.cli.words import size, table

app = typer.Typer(no_args_is_help=True, help="The block store's cluster, as the `ceph` command shows it.")
osd, pg, pool, blocklist = (typer.Typer(no_args_is_help=True, help=text) for text in (
    "Storage daemons and their disks.", "Placement groups.", "Pools.", "Fenced clients.",
))  # fmt: skip
app.add_typer(osd, name="osd")
app.add_typer(pg, name="pg")
app.add_typer(pool, name="pool")
app.add_typer(blocklist, name="blocklist")
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Number = Annotated[int, typer.Argument(help="The OSD's number: 0 for osd.0.")]


def _show(answer: Any, text: str, as_json: bool) -> None:
    print(json.dumps(answer, indent=2) if as_json else text)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Health, monitors, OSDs and placement groups (`ceph -s`)."""
    answer = ask("status")
    _show(answer, status_text(answer), as_json)


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


@app.command("map-show")
def map_show() -> None:
    """The cluster map of the newest epoch, as JSON."""
    print(json.dumps(ask("map"), indent=2))


@app.command()
def scrub(group: Annotated[str, typer.Argument(help="A placement group, as 1.1f, or all.")] = "all") -> None:
    """Compare what the OSDs hold."""
    print(f"instructing {len(ask('pg scrub', pg=group))} pgs to scrub")


@app.command("deep-scrub")
def deep_scrub(group: Annotated[str, typer.Argument(help="A placement group, as 1.1f, or all.")] = "all") -> None:
    """Read every byte on every disk, and repair what is damaged."""
    print(f"instructing {len(ask('pg deep-scrub', pg=group))} pgs to deep-scrub")


@osd.command("tree")
def osd_tree(as_json: AsJson = False) -> None:
    """Zones, hosts and OSDs."""
    rows = ask("osd tree")
    _show(rows, tree_text(rows), as_json)


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


@osd.command("df")
def osd_df(as_json: AsJson = False) -> None:
    """How full the disks are."""
    rows = ask("osd tree")
    lines = [
        [row["osd"], row["weight"], size(row["total_bytes"]), size(row["used_bytes"]),
         f"{100 * row['used_bytes'] / max(1, row['total_bytes']):.2f}", row["pgs"], "up" if row["up"] else "down"]
        for row in rows
    ]  # fmt: skip
    _show(rows, table(("ID", "WEIGHT", "SIZE", "USED", "%USE", "PGS", "STATUS"), lines), as_json)


@osd.command("out")
def osd_out(number: Number) -> None:
    """Move an OSD's data elsewhere."""
    ask("osd out", osd=number)
    print(f"marked out osd.{number}")


@osd.command("in")
def osd_in(number: Number) -> None:
    """Place data on an OSD (again)."""
    ask("osd in", osd=number)
    print(f"marked in osd.{number}")


@osd.command("down")
def osd_down(number: Number) -> None:
    """Take an OSD for dead; one that lives comes up again by itself."""
    ask("osd down", osd=number)
    print(f"marked down osd.{number}")


@osd.command("reweight")
def osd_reweight(number: Number, weight: Annotated[float, typer.Argument(help="1.0 is the usual.")]) -> None:
    """Give an OSD another share of the data."""
    ask("osd reweight", osd=number, weight=weight)
    print(f"reweighted osd.{number} to {weight:g}")


@osd.command("purge")
def osd_purge(number: Number, sure: Annotated[bool, typer.Option("--yes-i-really-mean-it")] = False) -> None:
    """Forget an OSD that is lost for good, with all that only it had."""
    if not sure:
        raise typer.BadParameter("what only this OSD had is given up: add --yes-i-really-mean-it")
    ask("osd purge", osd=number)
    print(f"purged osd.{number}")


@pg.command("ls")
def pg_ls(as_json: AsJson = False) -> None:
    """All placement groups, where they are and how they do."""
    rows = ask("pg ls")
    lines = [
        [row["pg"], row["objects"], row["degraded"], row["unfound"], size(row["bytes"]), row["state"],
         row["version"], str(list(row["acting"])), "none" if row["primary"] is None else f"osd.{row['primary']}"]
        for row in rows
    ]  # fmt: skip
    titles = ("PG", "OBJECTS", "DEGRADED", "UNFOUND", "BYTES", "STATE", "VERSION", "ACTING", "PRIMARY")
    _show(rows, table(titles, lines), as_json)


@pool.command("ls")
def pool_ls(as_json: AsJson = False) -> None:
    """All pools."""
    rows = ask("pool ls")
    names = ("id", "name", "size", "min_size", "pg_num", "failure_domain", "objects")
    lines = [[*(row[name] for name in names), size(row["bytes"])] for row in rows]
    _show(rows, table((*(name.upper() for name in names), "BYTES"), lines), as_json)


@pool.command("create")
def pool_create(name: str, size: int = 3, min_size: int = 0, pg_num: int = 32, failure_domain: str = "host") -> None:
    """Make a pool; min_size is more than half of size unless it is given."""
    more = {"min_size": min_size} if min_size else {}
    ask("pool create", pool=name, size=size, pg_num=pg_num, failure_domain=failure_domain, **more)
    print(f"pool '{name}' created")


@pool.command("rm")
def pool_rm(
    name: str, again: str, sure: Annotated[bool, typer.Option("--yes-i-really-really-mean-it")] = False
) -> None:
    """Destroy a pool and all its data: its name twice."""
    if not sure:
        raise typer.BadParameter("all data of the pool is destroyed: add --yes-i-really-really-mean-it")
    ask("pool delete", pool=name, confirm=again)
    print(f"pool '{name}' removed")


@blocklist.command("ls")
def blocklist_ls(as_json: AsJson = False) -> None:
    """Clients that may write no more."""
    fenced = ask("blocklist ls")
    _show(fenced, "\n".join(sorted(fenced)) or "nobody is fenced", as_json)


@blocklist.command("add")
def blocklist_add(client: str) -> None:
    """Fence a client: when this returns, it can write no more."""
    ask("blocklist add", client=client)
    print(f"blocklisting {client}")


@blocklist.command("rm")
def blocklist_rm(client: str) -> None:
    """Let a client write again."""
    ask("blocklist rm", client=client)
    print(f"un-blocklisting {client}")

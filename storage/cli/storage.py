"""`quorate storage …`: the cluster, as the `ceph` command shows and changes it."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from storage.cli import storage_text as text
from storage.cli.address import AsFormat, Format, ask, one_line
from storage.errors import BadRequest

app = typer.Typer(no_args_is_help=True, help="The block store's cluster, as the `ceph` command shows it.")
osd, pg, pool, blocklist = (typer.Typer(no_args_is_help=True, help=text) for text in (
    "Storage daemons and their disks.", "Placement groups.", "Pools.", "Fenced clients.",
))  # fmt: skip
app.add_typer(osd, name="osd")
app.add_typer(pg, name="pg")
app.add_typer(pool, name="pool")
app.add_typer(blocklist, name="blocklist")
Number = Annotated[int, typer.Argument(help="The OSD's number: 0 for osd.0.")]


def _show(answer: Any, plain: str, form: Format) -> None:
    print(json.dumps(answer, indent=2) if form is Format.JSON else plain)


@app.command()
def status(form: AsFormat = Format.PLAIN) -> None:
    """Health, monitors, OSDs and placement groups (`ceph -s`)."""
    answer = ask("status")
    _show(answer, text.status_text(answer), form)


@app.command("map-show")
def map_show() -> None:
    """The cluster map of the newest epoch, as JSON."""
    print(json.dumps(ask("map"), indent=2))


@app.command("map-history")
def map_history(
    count: Annotated[int, typer.Option("--count", "-n", help="So many of the newest.")] = 20,
    form: AsFormat = Format.PLAIN,
) -> None:
    """What the monitors decided lately, and why."""
    maps = ask("map history", count=count)
    _show(maps, text.history_text(maps), form)


@app.command()
def scrub(group: Annotated[str, typer.Argument(help="A placement group, as 1.1f, or all.")] = "all") -> None:
    """Compare what the OSDs hold."""
    print(f"instructing {len(ask('pg scrub', pg=group))} pgs to scrub")


@app.command("deep-scrub")
def deep_scrub(group: Annotated[str, typer.Argument(help="A placement group, as 1.1f, or all.")] = "all") -> None:
    """Read every byte on every disk, and repair what is damaged."""
    print(f"instructing {len(ask('pg deep-scrub', pg=group))} pgs to deep-scrub")


@osd.command("tree")
def osd_tree(form: AsFormat = Format.PLAIN) -> None:
    """Zones, hosts and OSDs."""
    rows = ask("osd tree")
    _show(rows, text.tree_text(rows), form)


@osd.command("df")
def osd_df(form: AsFormat = Format.PLAIN) -> None:
    """How full the disks are."""
    rows = ask("osd tree")
    _show(rows, text.df_text(rows), form)


@osd.command("dump")
def osd_dump(form: AsFormat = Format.PLAIN) -> None:
    """The cluster map: pools, OSDs and fences."""
    cluster = ask("map")
    _show(cluster, text.dump_text(cluster), form)


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
def pg_ls(form: AsFormat = Format.PLAIN) -> None:
    """All placement groups, where they are and how they do."""
    rows = ask("pg ls")
    _show(rows, text.pgs_text(rows), form)


@pg.command("query")
def pg_query(group: Annotated[str, typer.Argument(help="As 1.1f.")]) -> None:
    """All that is known of one placement group, as JSON."""
    with one_line():
        found = [row for row in ask("pg ls") if row["pg"] == group]
        if not found:
            raise BadRequest(f"there is no placement group {group!r}; 'quorate storage pg ls' lists them")
    print(json.dumps(found[0], indent=2))


@pool.command("ls")
def pool_ls(form: AsFormat = Format.PLAIN) -> None:
    """All pools."""
    rows = ask("pool ls")
    _show(rows, text.pools_text(rows), form)


@pool.command("create")
def pool_create(name: str, size: int = 3, min_size: int = 0, pg_num: int = 32, failure_domain: str = "host") -> None:
    """Make a pool; min_size is more than half of size unless it is given."""
    more = {"min_size": min_size} if min_size else {}
    ask("pool create", pool=name, size=size, pg_num=pg_num, failure_domain=failure_domain, **more)
    print(f"pool '{name}' created")


@pool.command("set")
def pool_set(
    name: str,
    key: Annotated[str, typer.Argument(help="size or min_size")],
    value: Annotated[int, typer.Argument(help="How many copies.")],
) -> None:
    """Change how many copies there are, or how many must be up for writing."""
    if key not in ("size", "min_size"):
        raise typer.BadParameter("what can be set is size and min_size")
    ask("pool set", pool=name, **{key: value})
    print(f"set pool '{name}' {key} to {value}")


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
def blocklist_ls(form: AsFormat = Format.PLAIN) -> None:
    """Clients that may write no more."""
    fenced = ask("blocklist ls")
    _show(fenced, "\n".join(sorted(fenced)) or "nobody is fenced", form)


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

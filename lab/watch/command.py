"""`quorate watch`: the lab from outside, live, until Ctrl-C or for a time; then the table, the verdict, the files."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from lab.leases.command import duration
from lab.look import running_lab
from lab.paths import ROOT
from lab.topology import ONE
from lab.watch.run import Run

EXIT_CODES = {"valid": 0, "invalid": 1, "unknown": 8}


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(watch)


def watch(
    seconds: Annotated[str, typer.Option("--for", help="How long, as in 30s or 5m; else until Ctrl-C.")] = "",
    region: Annotated[str, typer.Option(help="Which region's entrance is asked: one or two.")] = ONE,
    plain: Annotated[bool, typer.Option("--plain", help="No live picture: only what comes at the end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The summary for programs, nothing else.")] = False,
) -> None:
    """Ask every function many times a second, show who is served and what happens, and judge what was seen.

    Ends with 0 where the verdict is valid, 1 where it is invalid, 8 where it is unknown.
    """
    from lab.watch.recording import record

    limit = duration(seconds) if seconds else float("inf")
    state = running_lab()
    topology = state.region(region)
    out = Console(quiet=as_json)
    run = record(state, topology, limit, out, is_live=not plain and not as_json and out.is_terminal)
    finish(run, out, as_json=as_json)


def finish(run: Run, out: Console, *, as_json: bool) -> None:
    """Keep a run, print what came of it, and end with the verdict's exit code."""
    from lab.watch import kept, view
    from lab.watch.page import page

    place = kept.keep(run, page(run))
    if as_json:
        typer.echo((place / "run.json").read_text(encoding="utf-8"), nl=False)
    out.print(view.result(run))
    out.print(f"Kept in {place.relative_to(ROOT)} (timeline.html, run.json, history.jsonl).", highlight=False)
    raise typer.Exit(EXIT_CODES[run.judgement.ruling])

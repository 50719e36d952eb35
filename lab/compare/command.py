"""`quorate compare A B --fault kill:galera:writer`: designs in turn under the same load and fault, side by side."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from lab.compare.fault import Fault, Times, fault, times
from lab.compare.result import Result, table
from lab.containers import open_engine
from lab.design import Design, parse
from lab.down import take_down
from lab.errors import LabError
from lab.leases.command import duration
from lab.lock import only_one
from lab.paths import ROOT, STATE_FILE, VAR, write_private
from lab.progress import Progress
from lab.state import current_lab, load

Designs = Annotated[
    list[str],
    typer.Argument(
        metavar="DESIGN...",
        help="galera, galera-multiwriter, replication, semisync; lb=single, mq=classic; several joined by a plus.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(compare)


def compare(
    designs: Designs,
    what: Annotated[str, typer.Option("--fault", help="What breaks: KIND:PART.")] = "kill:galera:writer",
    seconds: Annotated[str, typer.Option("--for", help="How long each is watched.")] = "40s",
    react: Annotated[str, typer.Option(help="How long a person takes to promote, where one has to.")] = "5s",
    seed: Annotated[int, typer.Option(help="Makes `random:…` choose the same part in each.")] = 7,
    replace: Annotated[bool, typer.Option("--replace", help="Even if a lab is up here: its data are removed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The numbers for programs, nothing else.")] = False,
) -> None:
    """Bring labs of several designs up in turn, break the same in each, and print what clients waited and lost."""
    chosen = [parse(name) for name in designs]
    broken, limit, reaction = fault(what), duration(seconds), duration(react)
    at = times(limit)
    out = Console(stderr=as_json)
    before = load(STATE_FILE)
    lab = current_lab(before, os.environ, ROOT)
    _refuse_to_replace(lab, replace)
    results: list[Result] = []
    for number, design in enumerate(chosen, start=1):
        out.rule(f"{number} of {len(chosen)}: {design.name}")
        results.append(_turn(lab, design, broken, limit, at, reaction, seed, out))
    path = _keep(what, results)
    if as_json:
        typer.echo(path.read_text(encoding="utf-8"), nl=False)
        return
    out.print(table(what, results))
    for one in results:
        out.print(f"{one.design}: {one.kept}", style="dim", highlight=False)
        for reason in one.reasons[:3]:
            out.print(f"  {reason}", highlight=False)


def _turn(
    lab: str, design: Design, broken: Fault, limit: float, at: Times, react: float, seed: int, out: Console
) -> Result:
    """One design: up, watched, down."""
    from lab.compare.trial import Trial
    from lab.up import bring_up

    _remove(lab, out)
    try:
        with only_one(), Progress(out) as progress:
            state, _ = bring_up(lab, _environment(design), progress)
        return Trial(state, broken, at, react, seed).run(limit, out)
    finally:
        _remove(lab, out)


def _environment(design: Design) -> Mapping[str, str]:
    return {**os.environ, **design.environment, "REGIONS": os.environ.get("REGIONS") or "1"}


def _remove(lab: str, out: Console) -> None:
    state = load(STATE_FILE)
    if state is None:
        return
    with only_one(), open_engine(lab) as engine, Progress(out) as progress:
        take_down(engine, state.topology, False, progress)


def _refuse_to_replace(lab: str, replace: bool) -> None:
    if replace or load(STATE_FILE) is None:
        return
    with open_engine(lab) as engine:
        if engine.volume_names():
            raise LabError(
                f"The lab {lab} of this checkout has data, and a comparison makes labs of its own in its place:"
                " `quorate down` removes it, or --replace does."
            )


def _keep(what: str, results: Sequence[Result]) -> Path:
    place = VAR / "runs" / f"compare-{datetime.now(UTC).strftime('%Y-%m-%dT%H%M%SZ')}.json"
    content = {"fault": what, "results": [one.as_json() for one in results]}
    write_private(place, json.dumps(content, indent=1) + "\n")
    return place

"""`quorate chaos`: a random schedule of faults while the lab is watched; ends with the verdict."""

from __future__ import annotations

import random
from typing import Annotated

import typer
from rich.console import Console

from lab.chaos.schedule import RECOVERY, SHORTEST, schedule
from lab.containers import open_engine
from lab.errors import BadNameError, NotRunningError
from lab.leases.command import duration
from lab.look import running_lab
from lab.names import BREAKABLE
from lab.topology import ONE

MOST = 6


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(chaos)


def chaos(
    seed: Annotated[int | None, typer.Option(help="The same seed breaks the same parts at the same times.")] = None,
    seconds: Annotated[str, typer.Option("--for", help="How long, as in 90s or 5m.")] = "2m",
    intensity: Annotated[int, typer.Option(help="How many faults at once, at most.", min=1, max=MOST)] = 1,
    region: Annotated[str, typer.Option(help="Which region's entrance is watched: one or two.")] = ONE,
    plain: Annotated[bool, typer.Option("--plain", help="No live picture.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Only print what would be struck.")] = False,
) -> None:
    """Break parts at random, never more of a kind than the lab survives, and judge what clients saw.

    Exit codes are those of `quorate watch`.
    """
    from lab.watch.command import finish

    limit = duration(seconds)
    if limit < SHORTEST + RECOVERY:
        raise BadNameError(f"--for {seconds} is too short: a fault and its recovery need {SHORTEST + RECOVERY:.0f} s.")
    state = running_lab()
    topology = state.region(region)
    with open_engine(state.lab) as engine:
        there = engine.containers()
    if not there:
        raise NotRunningError(f"The lab {state.lab} is not up; `make up` starts it.")
    seed = random.randrange(10**6) if seed is None else seed  # noqa: S311 - a seed
    strikes = schedule(seed, limit, intensity, [part for part in BREAKABLE if part.label in there])
    out = Console()
    out.print(f"Seed {seed}: {len(strikes)} faults in {limit:.0f} s.", highlight=False)
    if plan:
        for strike in strikes:
            out.print(strike.sentence(), highlight=False)
        return
    from lab.chaos.assault import Assault
    from lab.watch.recording import record

    assault = Assault(strikes)
    try:
        run = record(
            state, topology, limit, out, is_live=not plain and out.is_terminal, beside=assault.run, after=assault.end
        )
    finally:
        assault.end()
    finish(run, out, as_json=False)

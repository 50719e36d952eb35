"""`quorate fault …`: faults of parts that undo themselves, and the list of those in force."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Sequence
from typing import Annotated

import typer

from lab.errors import BadNameError
from lab.leases import kinds
from lab.leases.lease import Leases
from lab.leases.order import opened_lab, order
from lab.names import completions
from lab.wan import Wan, way_in_force

DEFAULT_SECONDS, LONGEST = 30.0, 86400.0
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}

Selectors = Annotated[
    list[str],
    typer.Argument(
        metavar="PART...",
        help="A name, or a role: db1, two/lb1, galera:writer, lb:active, mq:leader:conductor, osd:2, region:two, "
        "random:stateless.",
        autocompletion=completions,
    ),
]
Seconds = Annotated[str, typer.Option("--for", help="How long, as in 20s or 5m; asked for where it is not given.")]
Seed = Annotated[int | None, typer.Option(help="Makes `random:…` choose the same part again.")]


def register(fault: typer.Typer) -> None:
    """Add the verbs to `quorate fault`."""
    for verb in (kill, stop, pause, isolate, partition, loss, slow, fill_disk, clock_skew):
        # `-90s` is a skew, not an option
        settings = {"ignore_unknown_options": verb is clock_skew}
        fault.command(verb.__name__.replace("_", "-"), context_settings=settings)(verb)
    fault.command("list")(list_faults)


def kill(parts: Selectors, seconds: Seconds = "", seed: Seed = None) -> None:
    """SIGKILL parts, all in one instant; started again when the time is over."""
    _lease("kill", parts, seconds, seed)


def stop(parts: Selectors, seconds: Seconds = "", seed: Seed = None) -> None:
    """Stop parts gracefully; started again when the time is over."""
    _lease("stop", parts, seconds, seed)


def pause(parts: Selectors, seconds: Seconds = "", seed: Seed = None) -> None:
    """Freeze parts: connections stay open, nothing answers."""
    _lease("pause", parts, seconds, seed)


def isolate(parts: Selectors, seconds: Seconds = "", seed: Seed = None) -> None:
    """Cut parts off the network; they go on alone."""
    _lease("isolate", parts, seconds, seed)


def partition(
    parts: Selectors,
    others: Annotated[str, typer.Option("--from", help="The other side: parts, separated by commas.")],
    seconds: Seconds = "",
    seed: Seed = None,
) -> None:
    """Let nothing through between parts and others; both still reach everybody else."""
    _lease("partition", parts, seconds, seed, others=others.split(","))


def loss(
    percent: Annotated[str, typer.Argument(help="Of the packets, as in 5%.")],
    parts: Selectors,
    seconds: Seconds = "",
    seed: Seed = None,
) -> None:
    """Lose some of the packets of parts, both ways."""
    kinds.share(percent)
    _lease("loss", parts, seconds, seed, detail=percent)


def slow(
    delay: Annotated[str, typer.Argument(help="As in 80ms.")],
    parts: Selectors,
    seconds: Seconds = "",
    seed: Seed = None,
) -> None:
    """Delay what parts send."""
    kinds.milliseconds(delay)
    _lease("slow", parts, seconds, seed, detail=delay)


def fill_disk(parts: Selectors, seconds: Seconds = "", seed: Seed = None) -> None:
    """Let parts find their disks full: osd, swift and rabbitmq. The machine's own disk is not touched."""
    _lease("fill-disk", parts, seconds, seed)


def clock_skew(
    skew: Annotated[str, typer.Argument(help="Ahead or behind, as in +2h or -90s.", metavar="SKEW")],
    parts: Selectors,
    seconds: Seconds = "",
    seed: Seed = None,
) -> None:
    """Start parts again with a wrong clock: services, monitors and OSDs. The machine's own is not touched."""
    kinds.skew(skew)
    _lease("clock-skew", parts, seconds, seed, detail=skew)


def list_faults() -> None:
    """Say which faults are in force, and for how long still."""
    with opened_lab() as (state, engine):
        leases = Leases()
        with leases.turn():
            kinds.undo_due(engine, state.topology, leases, time.time())
        now, found = time.time(), leases.all()
        for each in found:
            typer.echo(each.sentence(now))
        way = way_in_force(engine) if state.regions > 1 else ""
        if way:
            left = Wan(engine).show()["seconds_left"]
            typer.echo(f"wan   {way}" + (f"  {left} s left" if left else "  until `quorate fault wan heal`"))
        if not found and not way:
            typer.echo("No fault is in force.")


def duration(text: str) -> float:
    """Seconds out of `20`, `20s`, `5m`. Raises BadNameError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    seconds = float(found[1]) * UNITS[found[2]] if found else 0.0
    if not 0 < seconds <= LONGEST:
        raise BadNameError(f"{text!r} is no duration: say 20s or 5m.")
    return seconds


def _lease(
    kind: str, selectors: Sequence[str], text: str, seed: int | None, *, others: Sequence[str] = (), detail: str = ""
) -> None:
    seconds = duration(text or _asked())
    ordered = order(kind, selectors, seconds, seed, others=others, detail=detail)
    typer.echo(f"{ordered.sentence(time.time())}, then it is undone; `quorate heal` undoes it now.")


def _asked() -> str:
    if not sys.stdin.isatty():
        return f"{DEFAULT_SECONDS:g}"
    return str(typer.prompt("For how long", default=f"{DEFAULT_SECONDS:g}s"))

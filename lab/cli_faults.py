"""The verbs that break parts of the lab and mend them."""

import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from lab import faults
from lab.containers import LabEngine, open_engine
from lab.errors import NotRunningError
from lab.look import running_lab
from lab.names import BREAKABLE, KNOWN, completions, find_part
from lab.topology import Part

Names = Annotated[
    list[str], typer.Argument(metavar="NAME...", help="Parts of the lab, as `quorate status` names them.",
                              autocompletion=completions)
]  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add the verbs to the command."""
    for verb in (kill, pause, stop, cut, start, heal, logs):
        app.command()(verb)


def kill(
    names: Names,
    process: Annotated[str, typer.Option(help="Kill only the program of this name inside.")] = "",
) -> None:
    """SIGKILL parts of the lab; they stay dead until `start` or `heal`."""
    for engine, part in _each(names):
        if process:
            faults.kill_process(engine, part, process)
            typer.echo(f"{process} in {part.label} is killed.")
        else:
            faults.kill(engine, part)
            typer.echo(f"{part.label} is killed.")


def pause(names: Names) -> None:
    """Freeze parts of the lab: connections stay open, nothing answers."""
    for engine, part in _each(names):
        faults.pause(engine, part)
        typer.echo(f"{part.label} is frozen.")


def stop(names: Names) -> None:
    """Stop parts of the lab gracefully."""
    for engine, part in _each(names):
        faults.stop(engine, part)
        typer.echo(f"{part.label} is stopped.")


def cut(names: Names) -> None:
    """Cut parts of the lab off the network; they go on alone."""
    for engine, part in _each(names):
        faults.cut(engine, part)
        typer.echo(f"{part.label} is cut off.")


def start(names: Names) -> None:
    """Start dead parts again, thaw frozen ones."""
    for engine, part in _each(names):
        typer.echo(f"{part.label} {faults.start(engine, part)}.")


def heal() -> None:
    """Undo every fault: reconnect, thaw and start whatever is cut off, frozen or dead."""

    state = running_lab()
    with open_engine(state.lab) as engine:
        if not engine.containers():
            raise NotRunningError(f"The lab {state.lab} is not up; `make up` starts it.")
        if faults.heal(engine, state.topology, lambda sentence: typer.echo(f"{sentence}.")) == 0:
            typer.echo("Nothing was broken.")


def logs(
    name: Annotated[str, typer.Argument(metavar="NAME", autocompletion=completions)],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as new lines come.")] = False,
    tail: Annotated[int, typer.Option(help="How many lines of the end.")] = 100,
) -> None:
    """Print the log of one part."""

    part = find_part(name, KNOWN)
    with open_engine(running_lab().lab, timeout=86400 if follow else 60) as engine:
        for chunk in faults.log_lines(engine, part, follow, tail):
            sys.stdout.write(chunk)
            sys.stdout.flush()


def _each(names: list[str]) -> Iterator[tuple[LabEngine, Part]]:
    parts: list[Part] = [find_part(name, BREAKABLE) for name in names]
    with open_engine(running_lab().lab) as engine:
        for part in parts:
            yield engine, part

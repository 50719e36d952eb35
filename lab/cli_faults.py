"""The verbs that break parts of the lab and mend them."""

import random
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Annotated

import typer

from lab import faults
from lab.containers import LabEngine, open_engine
from lab.errors import NotRunningError
from lab.heal import heal_all
from lab.leases.selectors import Selection
from lab.look import look_at, running_lab
from lab.names import KNOWN, completions, find_part
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
    """SIGKILL parts of the lab, all in one instant; they stay dead until `start` or `heal`."""
    with _found(names) as (engine, parts):
        if process:
            for part in parts:
                faults.kill_process(engine, part, process)
                typer.echo(f"{process} in {part.label} is killed.")
        else:
            faults.kill_together(engine, parts)
            _tell(parts, "killed")


def pause(names: Names) -> None:
    """Freeze parts of the lab: connections stay open, nothing answers."""
    _break(names, faults.pause, "frozen")


def stop(names: Names) -> None:
    """Stop parts of the lab gracefully."""
    _break(names, faults.stop, "stopped")


def cut(names: Names) -> None:
    """Cut parts of the lab off the network; they go on alone."""
    _break(names, faults.cut, "cut off")


def start(names: Names) -> None:
    """Start dead parts again, thaw frozen ones."""
    with _found(names) as (engine, parts):
        for part in parts:
            typer.echo(f"{part.label} {faults.start(engine, part)}.")


def heal() -> None:
    """Undo every fault: reconnect, thaw and start whatever is cut off, frozen or dead."""
    if not heal_all(lambda sentence: typer.echo(f"{sentence}.")):
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


def _break(names: list[str], verb: Callable[[LabEngine, Part], None], done: str) -> None:
    """The same to every part, several at a time."""
    with _found(names) as (engine, parts), ThreadPoolExecutor(faults.AT_ONCE) as pool:
        list(pool.map(lambda part: verb(engine, part), parts))
        _tell(parts, done)


def _tell(parts: Sequence[Part], done: str) -> None:
    names = ", ".join(part.label for part in parts)
    typer.echo(f"{names} {'are' if len(parts) > 1 else 'is'} {done}.")


@contextmanager
def _found(names: list[str]) -> Iterator[tuple[LabEngine, list[Part]]]:
    with open_engine(running_lab().lab) as engine:
        parts = Selection(engine.containers(), look_at, random.Random()).parts(names)  # noqa: S311 - a choice
        if not parts:
            raise NotRunningError(f"The lab has no {' '.join(names)}; `quorate status` shows what it has.")
        yield engine, parts

"""The `quorate` command: its verbs and their options, those about faults apart. All else is in the modules it calls."""

import os
import sys
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from lab import cli_faults, cli_wan, shell
from lab.chaos import command as chaos_command
from lab.compare import command as compare_command
from lab.console import command as console_command
from lab.errors import LabError, NoEngineError
from lab.exercises import command as exercise_command
from lab.moves import command as move_command
from lab.paths import ROOT, STATE_FILE
from lab.replication import command as replication_command
from lab.store_address import find_store
from lab.watch import command as watch_command
from storage.cli import rbd, storage

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A small OpenStack-compatible cloud that you can start with one command and break on purpose.",
)
PIPE_WIDTH = 120
out, err = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH), Console(stderr=True)


@app.command()
def up(
    wait: Annotated[bool, typer.Option(help="Return when every part works; else when the containers run.")] = True,
    as_json: Annotated[
        bool, typer.Option("--json", help="The status for programs; what is done goes to stderr.")
    ] = False,
) -> None:
    """Bring the lab up, with two regions (REGIONS=1: with one), and install what it needs."""
    from lab.lock import only_one
    from lab.look import look
    from lab.progress import Progress
    from lab.state import current_lab, load
    from lab.status_view import as_json as draw_json
    from lab.summary import show
    from lab.up import bring_up

    began = time.monotonic()
    lab = current_lab(load(STATE_FILE), os.environ, ROOT)
    with only_one(), Progress(err if as_json else out) as progress:
        state, status = bring_up(lab, os.environ, progress, wait=wait)
    if as_json:
        print(draw_json(status or look()))
    elif status is None:
        out.print("The containers run; `quorate status` shows how far they are.")
    else:
        show(out, state, status, time.monotonic() - began)


@app.command()
def down(
    keep_data: Annotated[bool, typer.Option("--keep-data", help="Keep volumes and secrets for the next `up`.")] = False,
    images: Annotated[bool, typer.Option("--images", help="Remove the images built for this lab, too.")] = False,
) -> None:
    """Remove the lab's containers, networks and data, and prove that nothing of it remains."""
    from lab.containers import open_engine
    from lab.down import take_down
    from lab.images import remove_images
    from lab.lock import only_one
    from lab.progress import Progress
    from lab.state import LabState, current_lab, load

    began = time.monotonic()
    state = load(STATE_FILE)
    lab = current_lab(state, os.environ, ROOT)
    topology = (state or LabState(lab, "10.100.0", 20000)).topology
    with only_one(), open_engine(lab) as engine, Progress(out) as progress:
        left = take_down(engine, topology, keep_data, progress)
    kept = " (kept, with var/lab.env)" if left.volumes else ""
    out.print(f"Left with the label quorate.lab={lab}: {left.sentence()}{kept}.", highlight=False)
    if images and (removed := remove_images(lab)):
        out.print(f"Removed the images {', '.join(removed)}.", highlight=False)
    out.print(f"[green]The lab is down after {time.monotonic() - began:.1f} s.[/green]", highlight=False)


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show every part: who leads, who serves, what is down."""
    from lab.look import look
    from lab.status_model import Verdict
    from lab.status_view import as_json as draw_json
    from lab.status_view import draw

    seen = look()
    if as_json:
        print(draw_json(seen))
    else:
        out.print(draw(seen))
    if seen.verdict is Verdict.FAILING:
        raise typer.Exit(1)


@app.command()
def dev() -> None:
    """Run the same services in one process, without containers, until Ctrl-C."""
    from lab.dev import run

    run(lambda sentence: out.print(sentence, highlight=False))


@app.command()
def engine(
    install: Annotated[bool, typer.Option("--install", help="Install and start what is missing, if possible.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing; the exit code tells.")] = False,
) -> None:
    """Say whether containers can run on this machine."""
    from lab.engine_setup import ensure_engine, inspect_host
    from lab.progress import Progress

    if install:
        with Progress(out) as progress:
            ensure_engine(progress)
    elif not inspect_host().is_ready:
        if quiet:
            raise typer.Exit(NoEngineError.exit_code)
        raise NoEngineError("Docker with Compose v2 and buildx is not ready here; `make up` prepares it where it can.")
    if not quiet:
        out.print("Docker, Compose v2 and buildx are ready.")


cli_faults.register(app)
cli_wan.register(app)
shell.register(app)
move_command.register(app)
watch_command.register(app)
chaos_command.register(app)
console_command.register(app)
exercise_command.register(app)
compare_command.register(app)
app.add_typer(replication_command.app, name="db")
app.add_typer(rbd.app, name="rbd", callback=find_store)
app.add_typer(storage.app, name="storage", callback=find_store)


def main() -> None:
    """Run the command; whatever goes wrong is one line and an exit code."""
    try:
        app()
    except LabError as error:
        err.print(f"[bold red]quorate:[/bold red] {escape(error.message)}", highlight=False, soft_wrap=True)
        if error.detail:
            err.print(escape(error.detail), style="dim", highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)
    except Exception as error:
        if os.environ.get("QUORATE_DEBUG"):
            raise
        text = f"{type(error).__name__}: {error}".splitlines()[0]
        err.print(f"[bold red]quorate:[/bold red] {escape(text)} (QUORATE_DEBUG=1 shows where)", soft_wrap=True)
        sys.exit(70)

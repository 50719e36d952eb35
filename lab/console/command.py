"""`quorate console`: the lab as a web page on this machine, until Ctrl-C."""

from __future__ import annotations

import socket
from typing import Annotated

import typer

from lab.errors import LabError
from lab.paths import STATE_FILE
from lab.state import load

HOST = "127.0.0.1"
#: The console's port is this much over the lab's first one, where that is free.
OVER = 10000


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(console)


def console(
    port: Annotated[int, typer.Option(help="Where to listen; else one that follows from the lab, or a free one.")] = 0,
    detach: Annotated[
        bool, typer.Option("--detach", help="As a container of the lab, which goes on by itself.")
    ] = False,
    end: Annotated[bool, typer.Option("--end", help="End the one that goes on by itself.")] = False,
) -> None:
    """Show the lab as a web page on this machine, live, with buttons to break and to mend. Ctrl-C ends it."""
    if detach or end:
        _container(port, end=end)
        return
    from lab.console.app import Settings, create_app
    from lab.console.real_lab import RealLab
    from lab.console.server import serve

    settings = Settings()
    with listen(port) as listener:
        app = create_app(RealLab(), settings)
        where = f"http://{HOST}:{listener.getsockname()[1]}/?token={settings.secrets.token}"
        typer.echo(f"The console is at {where}\nOnly this machine can open it. Ctrl-C ends it.")
        serve(app, listener, lambda: typer.echo("Ending; a run that goes on is judged and kept first."))


def _container(port: int, *, end: bool) -> None:
    from rich.console import Console

    from lab.console import detached
    from lab.leases.order import opened_lab
    from lab.progress import Progress

    with opened_lab() as (_, engine):
        if end:
            typer.echo("The console has ended." if detached.end(engine) else "There was no console.")
            return
        with Progress(Console(stderr=True)) as progress:
            where = detached.begin(engine, port, progress)
    typer.echo(f"The console is at {where}\nOnly this machine can open it. `quorate console --end` ends it.")


def listen(port: int) -> socket.socket:
    """A socket on this machine's own address. Raises LabError where the port that was asked for is taken."""
    if port:
        return _bound(port)
    state = load(STATE_FILE)
    if state is not None:
        try:
            return _bound(state.port_base + OVER)
        except LabError:
            pass
    return _bound(0)


def _bound(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()  # whoever opens the address before all is ready waits
    except OSError as error:
        listener.close()
        raise LabError(
            f"Port {port} of {HOST} can't be listened on ({error.strerror}); --port takes another."
        ) from error
    return listener

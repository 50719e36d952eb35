"""`quorate fault wan …`: breaks and mends the network between the sites, and shows what that does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from lab import wan_wish
from lab.containers import open_engine
from lab.leases import command
from lab.look import running_lab
from lab.wan import Wan
from lab.wan_wish import Link, Links

Where = Annotated[str, typer.Argument(help="A pair of sites (one-two, one-outside, two-outside), one site, or all.")]
Seconds = Annotated[float, typer.Option("--for", help="Undo it after so many seconds.", min=0)]

fault = typer.Typer(no_args_is_help=True, help="Faults that undo themselves, and those between the sites.")
app = typer.Typer(no_args_is_help=True, help="The network between the sites: cut it, slow it, make it lossy.")
fault.add_typer(app, name="wan")


def register(root: typer.Typer) -> None:
    """Add the verbs to the command."""
    command.register(fault)
    root.add_typer(fault, name="fault")


@app.command()
def cut(where: Where = wan_wish.REGIONS, seconds: Seconds = 0) -> None:
    """Let nothing through."""
    _change(lambda links: wan_wish.changed(links, where, cut=True), seconds)


@app.command()
def slow(
    delay: Annotated[str, typer.Argument(help="One way, as in 80ms.")],
    where: Where = wan_wish.REGIONS,
    seconds: Seconds = 0,
) -> None:
    """Delay every packet, each way."""
    _change(lambda links: wan_wish.changed(links, where, delay_ms=wan_wish.delay(delay)), seconds)


@app.command()
def loss(
    share: Annotated[str, typer.Argument(help="Of the packets, as in 5%.")],
    where: Where = wan_wish.REGIONS,
    seconds: Seconds = 0,
) -> None:
    """Lose packets, each way."""
    _change(lambda links: wan_wish.changed(links, where, loss=wan_wish.loss(share)), seconds)


@app.command()
def heal(where: Where = wan_wish.EVERYWHERE) -> None:
    """Undo the faults."""
    _change(lambda links: wan_wish.healed(links, where), 0)


@app.command()
def show() -> None:
    """Say what is in force, and measure it from end to end."""
    with _wan() as wan:
        _report(wan, wan.show())


def _change(wish: Callable[[Links], dict[str, Link]], seconds: float) -> None:
    with _wan() as wan:
        state = wan.show()
        _report(wan, wan.apply(wish(state["links" if seconds else "lasting"]), seconds))


def _report(wan: Wan, state: dict[str, object]) -> None:
    links = state["links"]
    assert isinstance(links, dict)
    for report in wan.measure(links):
        typer.echo(report.sentence())
    if links:
        back = "lasting faults" if state["lasting"] else "health"
        lease = f"; back to {back} in {state['seconds_left']} s" if state["seconds_left"] else ""
        typer.echo(f"By {state['path']}{lease}. A router that starts again is healed.")
    typer.echo(f"The anycast address leads to {state['anycast'] or 'nobody'}.")


@contextmanager
def _wan() -> Iterator[Wan]:
    with open_engine(running_lab().lab) as engine:
        yield Wan(engine)

"""`quorate shell NAME [-- COMMAND…]`: a shell, or one command, in a container of the lab."""

import os
import sys
from typing import Annotated

import typer

from lab.containers import LAB_LABEL, NAME_LABEL, open_engine
from lab.errors import BadNameError, NotRunningError
from lab.look import running_lab

CLIENT = "client"
LOGIN_SHELLS = {CLIENT: ["bash", "-l"]}
USERS = {CLIENT: "client"}


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command(context_settings={"allow_interspersed_args": False})(shell)


def shell(
    name: Annotated[str, typer.Argument(help="`client` is the machine outside of all regions.")] = CLIENT,
    command: Annotated[list[str] | None, typer.Argument(help="Run this instead of a shell.")] = None,
) -> None:
    """Go into a container of the lab: `quorate shell client` sees the cloud as the world does."""
    words = exec_command(find_container(name), name, command or [], interactive=sys.stdin.isatty())
    os.execvp(words[0], words)  # noqa: S606


def exec_command(container: str, name: str, command: list[str], interactive: bool) -> list[str]:
    """The engine's command line."""
    terminal = ["--interactive", *(["--tty"] if interactive else [])]
    words = command[1:] if command[:1] == ["--"] else command
    user = ["--user", USERS[name]] if name in USERS else []
    return ["docker", "exec", *terminal, *user, container, *(words or LOGIN_SHELLS.get(name, ["sh"]))]


def find_container(name: str) -> str:
    """The running container of that name in this lab."""
    with open_engine(running_lab().lab) as engine:
        labels = [f"{LAB_LABEL}={engine.lab}", f"{NAME_LABEL}={name}"]
        found = engine.client.containers.list(filters={"label": labels, "status": "running"})
        if len(found) > 1:
            raise BadNameError(f"There are several: {', '.join(sorted(str(container.name) for container in found))}.")
        if not found:
            raise NotRunningError(f"No part named {name!r} of the lab {engine.lab} runs.")
        return str(found[0].name)

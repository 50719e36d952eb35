"""The command `quorate migrate-region`: finds the server, shows the steps, ends with one sentence."""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack
from typing import Annotated, Any

import typer
from rich.console import Console

from lab.errors import BadNameError
from lab.moves.errors import MoveFailedError, MoveRefusedError
from lab.moves.facts import FROM_KEY
from lab.moves.move import Move, Wishes
from lab.moves.plan import Step
from lab.moves.region import SdkRegion
from lab.paths import CLOUDS_FILE
from lab.progress import Progress

PIPE_WIDTH = 120
out = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command("migrate-region")(migrate_region)


def migrate_region(
    server: Annotated[str, typer.Argument(metavar="SERVER", help="Name or id of the server.")],
    to: Annotated[str, typer.Option("--to", help="The region that it goes to.")],
    from_region: Annotated[str, typer.Option("--from", help="The region that it is in; found out if not given.")] = "",
    flavor: Annotated[str, typer.Option("--flavor", help="The flavor there; the one of the same name.")] = "",
    keep_image: Annotated[bool, typer.Option("--keep-image", help="Keep the image that carried its disk.")] = False,
    abort: Annotated[bool, typer.Option("--abort", help="Take a move back that has not come to its end.")] = False,
    timeout: Annotated[float, typer.Option("--timeout", help="How long one step may take, seconds.")] = 600.0,
    os_cloud: Annotated[str, typer.Option("--os-cloud", help="The entry of clouds.yaml.")] = "quorate",
) -> None:
    """Move a server to another region: stop it, copy its disk by an image, boot it there, delete the old one last.

    Whatever happens, run the command again: it goes on where it was. Until the old server is deleted, --abort brings
    it back.
    """
    from openstack import exceptions

    began = time.monotonic()
    try:
        with Progress(out) as progress, _Lines(progress) as lines:
            here, there, source_id, name = find(server, to, from_region, os_cloud)
            move = Move(here, there, source_id, name, Wishes(flavor or None, keep_image, timeout), lines.show)
            if abort:
                move.back()
                lines.end()
                progress.say(f"The move of {server} is taken back: it is in {here.name}, as it was.")
            else:
                target = move.forward()
                lines.end()
                progress.say(
                    f"{target.name} is {target.status} in {there.name}: {target.id}. Moved in "
                    f"{time.monotonic() - began:.1f} s."
                )
    except exceptions.SDKException as error:
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MoveFailedError(f"{text} Running the command again goes on from here.") from error


class _Lines:
    """One line for each step, with the seconds that it took, however often the step is shown."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._line = progress, ExitStack()
        self._step: Step | None = None

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *error: Any) -> None:
        self._line.__exit__(*error)

    def show(self, step: Step) -> None:
        if step is not self._step:
            self.end()
            self._step = step
            self._line.enter_context(self._progress.step(step.value[0].upper() + step.value[1:]))

    def end(self) -> None:
        self._line.close()
        self._step = None


def find(server: str, to: str, from_region: str, cloud: str) -> tuple[SdkRegion, SdkRegion, str, str | None]:
    """Both regions, the id of the server that is moved (or was, if an earlier run came to its end), and its name.

    Raises BadNameError, MoveRefusedError.
    """
    names = compute_regions(connect(cloud, None))
    for name in (to, from_region):
        if name and name not in names:
            raise BadNameError(f"There is no region {name}; there are {', '.join(sorted(names))}.")
    if to == from_region:
        raise BadNameError("--from and --to are the same region.")
    there = SdkRegion(to, connect(cloud, to))
    others = [SdkRegion(name, connect(cloud, name)) for name in sorted({from_region} if from_region else names - {to})]
    found = [(region, one) for region in others if (one := region.find(server)) is not None]
    if len(found) > 1:
        raise MoveRefusedError(f"{', '.join(region.name for region, _ in found)} have {server}; choose with --from.")
    if found:
        region, one = found[0]
        return region, there, one.id, one.name
    moved = there.find(server)
    source_id = moved.metadata.get(FROM_KEY) if moved else None
    if moved is not None and source_id is None:
        raise MoveRefusedError(f"{server} is in {to} already.")
    if not others or (moved is None and not there.moved_here(server, None)):
        raise BadNameError(
            f"There is no server {server} in {', '.join(one.name for one in others) or 'another region'}."
        )
    return others[0], there, source_id or server, None


def compute_regions(connection: Any) -> set[str]:
    """The regions that have a compute service, as the catalog says."""
    catalog = connection.session.auth.get_access(connection.session).service_catalog.catalog
    return {one["region_id"] for service in catalog if service["type"] == "compute" for one in service["endpoints"]}


def connect(cloud: str, region: str | None) -> Any:
    """A connection to one region by an entry of clouds.yaml; None: the entry's first. Raises BadNameError."""
    from openstack.config import OpenStackConfig
    from openstack.connection import Connection
    from openstack.exceptions import ConfigException

    own = [str(CLOUDS_FILE)] if CLOUDS_FILE.exists() and not os.environ.get("OS_CLIENT_CONFIG_FILE") else None
    try:
        return Connection(config=OpenStackConfig(config_files=own).get_one(cloud=cloud, region_name=region))
    except ConfigException as error:
        raise BadNameError(str(error).strip()) from error

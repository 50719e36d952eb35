"""Where the commands find the store, and how what goes wrong becomes one line."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import typer

from storage.client.cluster import Cluster
from storage.client.open import StoreAddress, open_block_store, open_cluster
from storage.client.sync_store import SyncBlockStore
from storage.errors import StorageError

VARIABLE = "QUORATE_STORE_URL"
DEADLINE = 10.0
Result = TypeVar("Result")


class Format(StrEnum):
    """For people or for programs."""

    PLAIN = "plain"
    JSON = "json"


AsFormat = Annotated[Format, typer.Option("--format", "-f", help="For people or for programs.")]


def store_url() -> str:
    """The variable's value; the program that offers these commands sets it where nobody else has."""
    url = os.environ.get(VARIABLE)
    if not url:
        raise typer.BadParameter(f"set {VARIABLE} to quorate://host:6789/pool, or bring a lab up with 'make up'")
    return url


@contextmanager
def one_line() -> Iterator[None]:
    """What goes wrong is one line and exit code 1."""
    try:
        yield
    except (StorageError, ValueError, OSError) as error:
        print(f"quorate: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


@contextmanager
def images() -> Iterator[SyncBlockStore]:
    """The images of the pool."""
    with one_line():
        store = open_block_store(store_url(), DEADLINE)
        try:
            yield store
        finally:
            store.close()


def with_cluster(work: Callable[[Cluster], Awaitable[Result]]) -> Result:
    """Do something with a client of the cluster."""

    async def go() -> Result:
        async with open_cluster(StoreAddress.parse(store_url()).monitors, DEADLINE) as cluster:
            return await work(cluster)

    with one_line():
        return asyncio.run(go())
    raise AssertionError("unreachable")


def ask(name: str, **arguments: Any) -> Any:
    """A monitors' command."""
    return with_cluster(lambda cluster: cluster.command(name, arguments))

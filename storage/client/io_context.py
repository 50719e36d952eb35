"""What an image stands on: the objects of one pool, as librados' ioctx offers them.

The cluster's client implements it over the wire; `memory_context` in memory; a driver for real Ceph would be a third.
Every call is linearizable per object. Calls retry by themselves until `Unavailable`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from storage.names import HEAD, NO_SNAPS, SnapContext


@dataclass(frozen=True, slots=True)
class ObjectData:
    """What a read found; shorter than asked for where the object ends. Holes read as zeros."""

    data: bytes | memoryview
    version: int


@dataclass(frozen=True, slots=True)
class ObjectStat:
    """The size in bytes and the version of an object."""

    size: int
    version: int


@dataclass(frozen=True, slots=True)
class Notified:
    """Which watchers (client ids) acknowledged a notification in time, and which did not."""

    acknowledged: tuple[str, ...]
    missed: tuple[str, ...]


class Watch(Protocol):
    """A registration that lasts until it is closed; the client renews it through failovers.

    After a renewal the callback is called with b"" because notifications may have been missed meanwhile.
    """

    async def close(self) -> None: ...


class IoContext(Protocol):
    """Objects of one pool. Offsets and lengths are bytes; versions grow with each change and are never 0."""

    @property
    def client_id(self) -> str:
        """Who the cluster takes this client for; what `fence` takes."""
        ...

    async def read(self, name: str, offset: int, length: int, *, snap: int = HEAD) -> ObjectData:
        """Raises ObjectNotFound."""
        ...

    async def stat(self, name: str, *, snap: int = HEAD) -> ObjectStat:
        """Raises ObjectNotFound."""
        ...

    async def write(
        self, name: str, offset: int, data: bytes | memoryview | bytearray, *, snaps: SnapContext = NO_SNAPS
    ) -> int:
        """Creates the object where it is missing; returns its version. Durable on every acting replica on return."""
        ...

    async def write_full(
        self, name: str, data: bytes, *, expected: int | None = None, snaps: SnapContext = NO_SNAPS
    ) -> int:
        """Replace the whole object.

        `expected` makes it a compare-and-swap: the version that the object must have, 0 for "must not exist".
        Raises VersionMismatch, or ObjectExists for 0.
        """
        ...

    async def zero(self, name: str, offset: int, length: int, *, snaps: SnapContext = NO_SNAPS) -> int:
        """Make a range read as zeros, giving blocks back; nothing where the object is missing (version 0)."""
        ...

    async def truncate(self, name: str, size: int, *, snaps: SnapContext = NO_SNAPS) -> int:
        """Set the size; creates the object where it is missing (so that it hides a clone's parent)."""
        ...

    async def remove(self, name: str, *, expected: int | None = None, snaps: SnapContext = NO_SNAPS) -> None:
        """Raises ObjectNotFound, VersionMismatch. What snapshots in `snaps` hold of it stays readable at them."""
        ...

    async def copyup(self, name: str, data: bytes | memoryview) -> int:
        """Create the object as if it had always been so (in all snapshots too); nothing where it exists."""
        ...

    async def trim_snap(self, name: str, snap: int) -> None:
        """Forget what the object was like at a snapshot that nobody needs any more. Harmless twice."""
        ...

    async def list(self, prefix: str = "") -> list[str]:
        """The names of all objects (with a head) that begin so, sorted."""
        ...

    async def watch(self, name: str, callback: Callable[[bytes], Awaitable[None]]) -> Watch:
        """Be told of every `notify` on an object. The notification is acknowledged when the callback returns."""
        ...

    async def notify(self, name: str, payload: bytes, seconds: float = 5.0) -> Notified:
        """Tell all watchers, this client's own included; returns when all have acknowledged or the time is over."""
        ...

    async def fence(self, client_id: str) -> None:
        """Blocklist a client: when this returns, no write of it can happen any more, wherever it is."""
        ...

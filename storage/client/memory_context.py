"""Objects of a pool in memory: an `IoContext` for tests and for a store within one process, which it does not outlive.

A `MemoryCluster` is what a cluster is: several clients, each with a context of its own, see the same objects.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable

from storage.client.io_context import Notified, ObjectData, ObjectStat
from storage.client.memory_objects import Buffer, MemoryObject
from storage.errors import Blocklisted, ObjectExists, ObjectNotFound, VersionMismatch
from storage.names import HEAD, NO_SNAPS, SnapContext

_log = logging.getLogger(__name__)
Callback = Callable[[bytes], Awaitable[None]]


class MemoryWatch:
    """A client's registration on an object."""

    def __init__(self, watches: list[MemoryWatch], client_id: str, callback: Callback) -> None:
        self._watches, self.client_id, self._callback = watches, client_id, callback
        watches.append(self)

    async def close(self) -> None:
        if self in self._watches:
            self._watches.remove(self)

    async def tell(self, payload: bytes, seconds: float) -> bool:
        """Whether the callback returned in time."""
        try:
            async with asyncio.timeout(seconds):
                await self._callback(payload)
        except Exception as error:  # a watcher's failure is a missing acknowledgement, whatever it is
            _log.info("%s does not acknowledge a notification: %r", self.client_id, error)
            return False
        return True


class MemoryCluster:
    """All objects, watches and fenced clients of one pool."""

    def __init__(self) -> None:
        self.objects: dict[str, MemoryObject] = {}
        self.watches: dict[str, list[MemoryWatch]] = {}
        self.blocklist: set[str] = set()
        self.versions = itertools.count(1)

    def connect(self, client_id: str) -> MemoryContext:
        """A new client."""
        return MemoryContext(self, client_id)

    def disconnect(self, client_id: str) -> None:
        """A client died: nobody hears its watches any more."""
        for watches in self.watches.values():
            watches[:] = [watch for watch in watches if watch.client_id != client_id]


class MemoryContext:
    """What one client sees of a `MemoryCluster`."""

    def __init__(self, cluster: MemoryCluster, client_id: str) -> None:
        self._cluster, self._client_id = cluster, client_id
        self._objects = cluster.objects

    @property
    def client_id(self) -> str:
        return self._client_id

    def _check(self) -> None:
        if self._client_id in self._cluster.blocklist:
            raise Blocklisted(f"{self._client_id} was fenced")

    def _seen(self, name: str, snap: int) -> tuple[Buffer, int]:
        self._check()
        found = self._objects.get(name)
        seen = None if found is None else found.at(snap)
        if seen is None:
            raise ObjectNotFound(f"there is no object {name}")
        return seen

    def _changing(self, name: str, snaps: SnapContext, expected: int | None = None) -> MemoryObject:
        """The object before a change: checked, and preserved for the snapshots that the writer knows of."""
        self._check()
        found = self._objects.get(name) or MemoryObject()
        if expected is not None:
            _check_expected(name, found, expected)
        found.preserve(snaps)
        self._objects[name] = found
        return found

    async def read(self, name: str, offset: int, length: int, *, snap: int = HEAD) -> ObjectData:
        data, version = self._seen(name, snap)
        return ObjectData(bytes(memoryview(data)[offset : offset + length]), version)

    async def stat(self, name: str, *, snap: int = HEAD) -> ObjectStat:
        data, version = self._seen(name, snap)
        return ObjectStat(len(data), version)

    async def write(self, name: str, offset: int, data: Buffer, *, snaps: SnapContext = NO_SNAPS) -> int:
        found = self._changing(name, snaps)
        found.write(offset, data, next(self._cluster.versions))
        return found.version

    async def write_full(
        self, name: str, data: bytes, *, expected: int | None = None, snaps: SnapContext = NO_SNAPS
    ) -> int:
        found = self._changing(name, snaps, expected)
        found.head, found.version = bytearray(data), next(self._cluster.versions)
        return found.version

    async def zero(self, name: str, offset: int, length: int, *, snaps: SnapContext = NO_SNAPS) -> int:
        self._check()
        if name not in self._objects or self._objects[name].head is None:
            return 0
        found = self._changing(name, snaps)
        found.zero(offset, length, next(self._cluster.versions))
        return found.version

    async def truncate(self, name: str, size: int, *, snaps: SnapContext = NO_SNAPS) -> int:
        found = self._changing(name, snaps)
        found.truncate(size, next(self._cluster.versions))
        return found.version

    async def remove(self, name: str, *, expected: int | None = None, snaps: SnapContext = NO_SNAPS) -> None:
        self._seen(name, HEAD)
        found = self._changing(name, snaps, expected)
        found.head = None
        self._forget(name, found)

    async def copyup(self, name: str, data: bytes | memoryview) -> int:
        self._check()
        found = self._objects.setdefault(name, MemoryObject())
        if found.gone:
            found.seq = 0
            found.write(0, data, next(self._cluster.versions))
        return found.version

    async def trim_snap(self, name: str, snap: int) -> None:
        self._check()
        found = self._objects.get(name)
        if found is not None:
            found.trim(snap)
            self._forget(name, found)

    async def list(self, prefix: str = "") -> list[str]:
        self._check()
        return sorted(name for name, one in self._objects.items() if one.head is not None and name.startswith(prefix))

    async def watch(self, name: str, callback: Callback) -> MemoryWatch:
        self._check()
        return MemoryWatch(self._cluster.watches.setdefault(name, []), self._client_id, callback)

    async def notify(self, name: str, payload: bytes, seconds: float = 5.0) -> Notified:
        self._check()
        watches = list(self._cluster.watches.get(name, ()))
        heard = await asyncio.gather(*(watch.tell(payload, seconds) for watch in watches))
        everybody = {watch.client_id for watch in watches}
        missed = {watch.client_id for watch, told in zip(watches, heard, strict=True) if not told}
        return Notified(tuple(sorted(everybody - missed)), tuple(sorted(missed)))

    async def fence(self, client_id: str) -> None:
        self._check()
        self._cluster.blocklist.add(client_id)

    def _forget(self, name: str, found: MemoryObject) -> None:
        if found.gone:
            self._objects.pop(name, None)


def _check_expected(name: str, found: MemoryObject, expected: int) -> None:
    """Raises what a compare-and-swap raises."""
    if expected == 0 and found.head is not None:
        raise ObjectExists(f"{name} is there already")
    if expected and found.head is None:
        raise ObjectNotFound(f"there is no object {name}")
    if expected and found.version != expected:
        raise VersionMismatch(f"{name} was changed by somebody else")

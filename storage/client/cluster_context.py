"""The objects of one pool of a cluster: `IoContext` over the wire."""

from __future__ import annotations

import asyncio
from typing import Any

from storage.client.cluster import Cluster
from storage.client.io_context import Notified, ObjectData, ObjectStat
from storage.client.requests import Answer
from storage.client.watching import Callback, ClusterWatch
from storage.errors import BadRequest, ObjectNotFound
from storage.frames import Buffer
from storage.messages import ClientOp, OpKind
from storage.names import HEAD, NO_SNAPS, PgId, SnapContext


class ClusterContext:
    """One pool, found by name when it is first used. Raises BadRequest where there is none."""

    def __init__(self, cluster: Cluster, pool: str) -> None:
        self._cluster, self._name = cluster, pool
        number = cluster.map.pool_named(pool)
        if number is None:
            raise BadRequest(f"there is no pool {pool!r}: create it with 'quorate storage pool create {pool}'")
        self._pool = number

    @property
    def client_id(self) -> str:
        """Who the cluster takes this client for."""
        return self._cluster.client_id

    def _pg(self, name: str) -> PgId:
        pools = self._cluster.map.pools
        if self._pool not in pools:
            raise BadRequest(f"the pool {self._name!r} was removed")
        return self._cluster.map.pg_of(self._pool, name)

    def begin(self, kind: OpKind, name: str, data: Buffer | None = None, **fields: Any) -> asyncio.Future[Answer]:
        """An operation's future: (reply, data). For whoever wants no coroutine on a hot path."""
        op = ClientOp(0, 0, self._pg(name), kind, name, **fields)
        return self._cluster.request(op, (data,) if data else ()).future

    async def read(self, name: str, offset: int, length: int, *, snap: int = HEAD) -> ObjectData:
        reply, data = await self.begin("read", name, offset=offset, length=length, snap=snap)
        return ObjectData(data, reply.version)

    async def stat(self, name: str, *, snap: int = HEAD) -> ObjectStat:
        reply, _ = await self.begin("stat", name, snap=snap)
        return ObjectStat(reply.size, reply.version)

    async def write(self, name: str, offset: int, data: Buffer, *, snaps: SnapContext = NO_SNAPS) -> int:
        reply, _ = await self.begin("write", name, data, offset=offset, snaps=snaps)
        return reply.version

    async def write_full(
        self, name: str, data: bytes, *, expected: int | None = None, snaps: SnapContext = NO_SNAPS
    ) -> int:
        reply, _ = await self.begin("write_full", name, data, expected=expected, snaps=snaps)
        return reply.version

    async def zero(self, name: str, offset: int, length: int, *, snaps: SnapContext = NO_SNAPS) -> int:
        reply, _ = await self.begin("zero", name, offset=offset, length=length, snaps=snaps)
        return reply.version

    async def truncate(self, name: str, size: int, *, snaps: SnapContext = NO_SNAPS) -> int:
        reply, _ = await self.begin("truncate", name, offset=size, snaps=snaps)
        return reply.version

    async def remove(self, name: str, *, expected: int | None = None, snaps: SnapContext = NO_SNAPS) -> None:
        await self.begin("remove", name, expected=expected, snaps=snaps)

    async def copyup(self, name: str, data: Buffer) -> int:
        reply, _ = await self.begin("copyup", name, data)
        return reply.version

    async def trim_snap(self, name: str, snap: int) -> None:
        await self.begin("trim_snap", name, snap=snap)

    async def list(self, prefix: str = "") -> list[str]:
        pool = self._cluster.map.pools[self._pool]
        pgs = [PgId(self._pool, seed) for seed in range(pool.pg_num)]
        requests = [self._cluster.request(ClientOp(0, 0, pg, "list", prefix)) for pg in pgs]
        answers = await asyncio.gather(*(request.future for request in requests))
        return sorted(name for reply, _ in answers for name in reply.names)

    async def exists(self, name: str) -> bool:
        """Whether there is such an object."""
        try:
            await self.stat(name)
        except ObjectNotFound:
            return False
        return True

    async def watch(self, name: str, callback: Callback) -> ClusterWatch:
        return await self._cluster.watching.add(self._pg(name), name, callback)

    async def notify(self, name: str, payload: bytes, seconds: float = 5.0) -> Notified:
        milliseconds = max(1, int(seconds * 1000))
        op = ClientOp(0, 0, self._pg(name), "notify", name, length=milliseconds)
        request = self._cluster.request(op, (payload,) if payload else (), seconds + self._cluster.deadline)
        reply, _ = await request.future
        return Notified(reply.names, reply.missed)

    async def fence(self, client_id: str) -> None:
        await self._cluster.command("blocklist add", {"client": client_id})

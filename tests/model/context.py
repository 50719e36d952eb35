"""An `IoContext` on a model cluster: each call runs virtual time until the primary has answered."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

from storage import errors
from storage.client.io_context import ObjectData, ObjectStat
from storage.messages import ClientOp, ClientReply, Message, OpKind
from storage.names import HEAD, NO_SNAPS, SnapContext
from tests.model.world import POOL, World

ERRORS = {
    kind.code: kind
    for kind in (
        errors.ObjectNotFound, errors.ObjectExists, errors.VersionMismatch, errors.BadRequest, errors.Blocklisted,
        errors.ClusterFull,
    )
}  # fmt: skip


class ModelContext:
    """Objects of the model's pool, for tests of what operations mean."""

    def __init__(self, world: World, client_id: str = "client.model") -> None:
        self.world, self.name = world, client_id
        self._numbers = count(1)
        self.replies: dict[int, tuple[ClientReply, bytes]] = {}

    def send(self, message: Message, data: Sequence[Any] = ()) -> None:
        if isinstance(message, ClientReply):
            self.replies[message.number] = (message, b"".join(bytes(piece) for piece in data))

    def call(self, kind: OpKind, name: str, data: bytes = b"", **fields: Any) -> tuple[ClientReply, bytes]:
        """Until it is answered; raises what the answer says."""
        number = next(self._numbers)
        pg = self.world.map.pg_of(POOL, name)
        for _ in range(200):
            primary = self.world.map.interval(pg).primary
            osd = None if primary is None else self.world.hosts[primary].osd
            if osd is not None and number not in self.replies:
                op = ClientOp(number, self.world.map.epoch, pg, kind, name, **fields)
                osd.client(self, op, memoryview(data))
                self.world.hosts[osd.number].commit_soon()
            self.world.run(0.05)
            reply, found = self.replies.get(number, (None, b""))
            if reply is not None and reply.error != "again":
                if reply.error:
                    raise ERRORS[reply.error](reply.detail)
                return reply, found
            self.replies.pop(number, None)
        raise errors.Unavailable("the model does not answer")

    def read(self, name: str, offset: int, length: int, *, snap: int = HEAD) -> ObjectData:
        reply, data = self.call("read", name, offset=offset, length=length, snap=snap)
        return ObjectData(data, reply.version)

    def stat(self, name: str, *, snap: int = HEAD) -> ObjectStat:
        reply, _ = self.call("stat", name, snap=snap)
        return ObjectStat(reply.size, reply.version)

    def write(self, name: str, offset: int, data: bytes, *, snaps: SnapContext = NO_SNAPS) -> int:
        return self.call("write", name, data, offset=offset, snaps=snaps)[0].version

    def write_full(self, name: str, data: bytes, *, expected: int | None = None, snaps: SnapContext = NO_SNAPS) -> int:
        return self.call("write_full", name, data, expected=expected, snaps=snaps)[0].version

    def zero(self, name: str, offset: int, length: int, *, snaps: SnapContext = NO_SNAPS) -> int:
        return self.call("zero", name, offset=offset, length=length, snaps=snaps)[0].version

    def truncate(self, name: str, size: int, *, snaps: SnapContext = NO_SNAPS) -> int:
        return self.call("truncate", name, offset=size, snaps=snaps)[0].version

    def remove(self, name: str, *, expected: int | None = None, snaps: SnapContext = NO_SNAPS) -> None:
        self.call("remove", name, expected=expected, snaps=snaps)

    def copyup(self, name: str, data: bytes) -> int:
        return self.call("copyup", name, data)[0].version

    def trim_snap(self, name: str, snap: int) -> None:
        self.call("trim_snap", name, snap=snap)

"""An operation on its way, and what an answer means."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from storage import errors
from storage.cluster_map import Interval
from storage.errors import StorageError
from storage.frames import Buffer
from storage.messages import ClientOp, ClientReply

#: Errors by the code that travels.
ERRORS: dict[str, type[StorageError]] = {
    kind.code: kind
    for kind in (
        errors.ObjectNotFound, errors.ObjectExists, errors.VersionMismatch, errors.Blocklisted, errors.Unavailable,
        errors.ClusterFull, errors.BadRequest,
    )
}  # fmt: skip
Answer = tuple[ClientReply, memoryview]


def error_of(reply: ClientReply) -> StorageError:
    """What an OSD refused, as an exception."""
    return ERRORS.get(reply.error, StorageError)(reply.detail or reply.error)


class Request:
    """One operation until it is answered; `interval` is whom it was last sent to."""

    __slots__ = ("data", "deadline", "future", "interval", "is_waiting", "number", "op", "pg")

    def __init__(
        self, number: int, op: ClientOp, data: Sequence[Buffer], future: asyncio.Future[Answer], deadline: float
    ) -> None:
        self.number, self.op, self.data, self.future, self.deadline = number, op, data, future, deadline
        self.pg = op.pg
        self.interval: Interval | None = None
        self.is_waiting = False

    def message(self, epoch: int) -> ClientOp:
        """As it is sent now."""
        op = self.op
        return ClientOp(
            self.number, epoch, op.pg, op.kind, op.name, op.offset, op.length, op.snap, op.snaps, op.expected
        )  # fmt: skip

    def fail(self, error: StorageError) -> None:
        """Whoever waits gets the exception."""
        if not self.future.done():
            self.future.set_exception(error)

"""The model's clients: each does one operation at a time on a few registers (blocks), and writes down what it saw."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

from lab.registers import Kind, Operation, Outcome
from storage.cluster_map import ClusterMap
from storage.messages import ClientOp, ClientReply, Message
from storage.names import BLOCK
from tests.model.world import POOL, World


def block_of(value: int) -> bytes:
    """A block that holds one number; zeros for 0, as a hole does."""
    return value.to_bytes(8, "big") * (BLOCK // 8)


class Client:
    """Sends one operation, again and again until it is answered or given up; then the next."""

    def __init__(self, world: World, name: str, objects: int, blocks: int, patience: float = 3.0) -> None:
        self.world, self.name = world, name
        self.objects, self.blocks, self.patience = objects, blocks, patience
        #: The first client only reads, and is slow to learn of new maps: it asks primaries that are none any more.
        self.is_slow = name.endswith(".0")
        self.writes = 0.0 if self.is_slow else 0.5
        self.map = world.map
        self.history: list[Operation] = []
        self.stopped = False
        self._numbers = count(1)
        self._values = count(1)
        self._attempt = 0
        self._current: tuple[ClientOp, bytes, int, int, float] | None = None
        world.subscribers.append(self.learn)
        world.later(0.0, self.next)

    def learn(self, cluster: ClusterMap) -> None:
        """A new map, sooner or later."""

        def know() -> None:
            if cluster.epoch > self.map.epoch:
                self.map = cluster

        self.world.later(1.0 if self.is_slow else 0.0, know)

    def next(self) -> None:
        """Begin an operation."""
        if self.stopped:
            return
        random = self.world.random
        key, block = random.randrange(self.objects), random.randrange(self.blocks)
        name, number = f"object-{key}", next(self._numbers)
        pg = self.map.pg_of(POOL, name)
        if random.random() < self.writes:
            value = next(self._values) * 1000 + int(self.name.rpartition(".")[2])
            op = ClientOp(number, 0, pg, "write", name, block * BLOCK)
            data = block_of(value)
        else:
            value, data = -1, b""
            op = ClientOp(number, 0, pg, "read", name, block * BLOCK, BLOCK)
        self._current = (op, data, key * self.blocks + block, value, self.world.time)
        self._attempt = 0
        self.send_current(number)

    def send_current(self, number: int, attempt: int = 0) -> None:
        """Send it; send it again if this attempt is still the last one when its time is over."""
        if self._current is None or self._current[0].number != number or attempt != self._attempt:
            return
        self._attempt += 1
        op, data, _, _, started = self._current
        if self.world.time - started > self.patience:
            self.finish(None)
            return
        primary = self.map.interval(op.pg).primary
        if primary is not None and not self.world.lost():
            host = self.world.hosts[primary]
            copy = ClientOp(op.number, self.map.epoch, op.pg, op.kind, op.name, op.offset, op.length)

            def arrive() -> None:
                if host.osd is not None:
                    host.osd.client(self, copy, memoryview(data))

            self.world.later(self.world.delay((self.name, primary)), host.alive(arrive))
        attempt = self._attempt
        self.world.later(self.world.random.uniform(0.3, 0.6), lambda: self.send_current(number, attempt))

    def send(self, message: Message, data: Sequence[Any] = ()) -> None:
        """What an OSD answers (this is its Session)."""
        if not isinstance(message, ClientReply) or self.world.lost():
            return
        payload = b"".join(bytes(piece) for piece in data)
        delay = self.world.random.uniform(0.0002, 0.004)
        self.world.later(delay, lambda: self.receive(message, payload))

    def receive(self, reply: ClientReply, payload: bytes) -> None:
        if self._current is None or reply.number != self._current[0].number:
            return
        if reply.error == "again":
            attempt = self._attempt
            self.world.later(0.01, lambda: self.send_current(reply.number, attempt))
        elif reply.error not in ("", "not_found"):
            self.finish(None)
        else:
            self.finish(int.from_bytes(payload[:8], "big"))

    def finish(self, seen: int | None) -> None:
        assert self._current is not None
        op, _, key, value, started = self._current
        self._current = None
        is_write = op.kind == "write"
        kind = Kind.WRITE if is_write else Kind.READ
        outcome = Outcome.UNKNOWN if seen is None else Outcome.OK
        shown = value if is_write else (seen or 0)
        end = None if seen is None else self.world.time
        self.history.append(Operation(key, kind, shown, started, end, outcome))
        self.world.later(self.world.random.uniform(0.0, 0.01), self.next)

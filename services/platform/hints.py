"""Sending hints: handed over at once, published by a thread in the background, confirmed by the broker, tried again
on the next node for a few seconds, then dropped. A request is never slowed or failed by the broker's absence."""

from __future__ import annotations

import itertools
import logging
import queue
import threading
import time
import uuid
from typing import Any, Protocol

from kombu import Connection, Producer

from services.platform import metrics
from services.platform.broker import CONNECTION_ERRORS, Broker, Call, close_quietly
from services.platform.request import current_request_id

log = logging.getLogger(__name__)

#: How long to wait for a confirmation before another node is asked to take the same hint: the first time, and later.
#: A queue elects a new leader within 1.3 s of the old one's silence, and confirms what it was sent meanwhile.
CONFIRM_SECONDS = (1.4, 2.8)

#: After a node was lost, how long to wait before publishing through another one. A channel that is opened while a queue
#: elects its leader sends to the dead one and hears nothing for seconds; the election after a crash takes 0.3 s.
SETTLE_SECONDS = 0.35

#: How often an idle publisher looks whether its node still lives, so as not to find out with the next hint.
TEND_SECONDS = 0.25


class Hinter(Protocol):
    """Whoever can be asked to tell `topic` something."""

    def send(self, topic: str, method: str, **args: Any) -> None: ...


class Hints:
    """The process's publisher. `send` never blocks and never fails."""

    def __init__(self, broker: Broker, *, patience: float = 5.0, backlog: int = 10_000) -> None:
        self._broker, self._patience = broker, patience
        self._waiting: queue.Queue[tuple[str, Call, float] | None] = queue.Queue(backlog)
        self._connection: Connection | None = None
        self._declared: set[str] = set()
        self._settled_at = 0.0
        self._thread = threading.Thread(target=self._publish_all, name="hints", daemon=True)
        self._thread.start()

    def send(self, topic: str, method: str, **args: Any) -> None:
        """Tell whoever consumes `topic` to do `method`, soon, probably."""
        try:
            self._waiting.put_nowait((topic, Call(method, args, current_request_id.get()), time.monotonic()))
        except queue.Full:
            metrics.hints_sent.labels(topic, "dropped").inc()

    def close(self, timeout: float = 2.0) -> None:
        """Publish what is waiting, for at most `timeout` seconds, and end."""
        self._waiting.put(None)
        self._thread.join(timeout)

    def _publish_all(self) -> None:
        while (item := self._next()) is not None:
            topic, call, since = item
            outcome = "sent" if self._publish(topic, call, since + self._patience) else "dropped"
            metrics.hints_sent.labels(topic, outcome).inc()
        self._disconnect()

    def _next(self) -> tuple[str, Call, float] | None:
        while True:
            try:
                return self._waiting.get(timeout=TEND_SECONDS)
            except queue.Empty:
                self._tend()

    def _tend(self) -> None:
        if self._connection is None:
            return
        try:
            self._connection.heartbeat_check(rate=2)
            self._connection.drain_events(timeout=0.001)
        except TimeoutError as silence:
            if silence.errno is not None:
                self._disconnect(failed=True)
        except CONNECTION_ERRORS:
            self._disconnect(failed=True)

    def _publish(self, topic: str, call: Call, give_up: float) -> bool:
        message_id = str(uuid.uuid4())
        for attempt in itertools.count():
            try:
                self._publish_once(topic, call, message_id, CONFIRM_SECONDS[min(attempt, len(CONFIRM_SECONDS) - 1)])
            except CONNECTION_ERRORS as error:
                # After silence an election is over; after a break it has only begun.
                self._disconnect(failed=True, settle=not isinstance(error, TimeoutError))
                if time.monotonic() > give_up:
                    log.warning("dropped the hint %s to %s: %s", call.method, topic, error)
                    return False
                time.sleep(0.02)
            else:
                return True
        return False

    def _publish_once(self, topic: str, call: Call, message_id: str, patience: float) -> None:
        if self._connection is None:
            self._connection = self._broker.connect()
            time.sleep(max(0.0, self._settled_at - time.monotonic()))
        channel = self._connection.default_channel
        if topic not in self._declared:
            self._broker.work_queue(topic)(channel).declare()
            self._declared.add(topic)
        Producer(channel).publish(
            call.body(),
            routing_key=topic,
            serializer="json",
            delivery_mode=2,
            mandatory=True,
            confirm_timeout=patience,
            timeout=patience,
            message_id=message_id,
        )

    def _disconnect(self, *, failed: bool = False, settle: bool = True) -> None:
        if self._connection is not None:
            if failed and settle:
                self._settled_at = time.monotonic() + SETTLE_SECONDS
            (self._broker.drop if failed else close_quietly)(self._connection)
        self._connection = None
        self._declared.clear()

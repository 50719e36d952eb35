"""Receiving: each thread has its own connection, takes one message at a time, and acknowledges when the work is stored.

A handler that fails is logged and the message acknowledged all the same: the row still says what is to be done, and
the sweep will come to it; redelivering at once would only repeat the failure.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from kombu import Connection, Consumer, Message, Producer

from services.platform.broker import CONNECTION_ERRORS, Broker, Call, close_quietly
from services.platform.faults import Fault
from services.platform.request import current_request_id

log = logging.getLogger(__name__)

Handler = Callable[..., Any]

#: How long a consumer stays with a node that is not its own, at least and at most.
AWAY_SECONDS = (6.0, 10.0)


class Receiver:
    """Consumes one topic with `threads` threads until stopped."""

    def __init__(self, broker: Broker, topic: str, handlers: Mapping[str, Handler], *, threads: int = 4) -> None:
        self._broker, self._topic, self._handlers = broker, topic, handlers
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(number,), name=f"{topic}-{number}", daemon=True)
            for number in range(threads)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Finish the messages at hand and end; unacknowledged ones go to another consumer."""
        self._stopping.set()
        give_up = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, give_up - time.monotonic()))

    def _work(self, seat: int) -> None:
        while not self._stopping.is_set():
            connection: Connection | None = None
            try:
                connection = self._broker.connect(seat)
                self._consume(connection)
            except CONNECTION_ERRORS as error:
                log.info("lost the broker (%s); trying the next node", error)
                if connection is not None:
                    self._broker.drop(connection)
                    connection = None
                self._stopping.wait(0.05)
            except Exception:
                log.exception("the consumer of %s stumbled; connecting again", self._topic)
                self._stopping.wait(0.5)
            finally:
                if connection is not None:
                    close_quietly(connection)

    def _consume(self, connection: Connection) -> None:
        # After a failure consumers sit on the nodes that were left; they go home when they can, so that the next
        # failure does not find all of them on one node.
        stay = float("inf") if connection.at_home else random.uniform(*AWAY_SECONDS)  # noqa: S311 - jitter
        until = time.monotonic() + stay
        channel = connection.channel()
        channel.basic_qos(0, 1, False)
        consumer = Consumer(
            channel, [self._broker.work_queue(self._topic)], callbacks=[self._on_message], accept=["json"]
        )
        with consumer:
            while not self._stopping.is_set() and time.monotonic() < until:
                try:
                    connection.drain_events(timeout=0.5)
                except TimeoutError as silence:
                    if silence.errno is not None:
                        raise  # not our own timeout: the kernel gave the connection up
                    connection.heartbeat_check(rate=2)

    def _on_message(self, body: Any, message: Message) -> None:
        try:
            call = Call.parse(body)
        except ValueError as error:
            log.warning("ignored a message on %s: %s", self._topic, error)
            message.ack()
            return
        reset = current_request_id.set(call.request_id)
        try:
            answer = self._handle(call)
            reply_to = message.properties.get("reply_to")
            if reply_to:
                self._reply(message, reply_to, answer)
            message.ack()
        finally:
            current_request_id.reset(reset)

    def _handle(self, call: Call) -> dict[str, Any]:
        handler = self._handlers.get(call.method)
        if handler is None:
            log.warning("nobody here does %s", call.method)
            return {"error": f"unknown method {call.method}"}
        try:
            return {"result": handler(**call.args)}
        except Fault as fault:
            log.info("%s: %s", call.method, fault.message)
            return {"error": fault.message}
        except Exception as error:
            log.exception("%s failed", call.method)
            return {"error": f"{type(error).__name__}: {error}"}

    @staticmethod
    def _reply(message: Message, reply_to: str, answer: dict[str, Any]) -> None:
        Producer(message.channel).publish(
            answer,
            routing_key=reply_to,
            serializer="json",
            correlation_id=message.properties.get("correlation_id"),
        )

"""Calls: the few questions that need an answer from another process now (a guest's console, say).

The reply queue is exclusive to the connection, so it dies with it and the caller notices at once, connects to another
node and asks again under the same call id. What is called must therefore be harmless to repeat; whatever changes
something goes through a row and a hint instead (docs/decisions/0005).
"""

from __future__ import annotations

import time
import uuid
from typing import Any

from kombu import Connection, Consumer, Message, Producer, Queue

from services.platform.broker import CONNECTION_ERRORS, Broker, Call, close_quietly
from services.platform.faults import Conflict, Unavailable
from services.platform.request import current_request_id


class Caller:
    """Asks questions, each over a connection of its own: they are rare, and a shared one would need a dispatcher."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def call(self, topic: str, method: str, *, timeout: float = 5.0, **args: Any) -> Any:
        """The answer of whoever serves `topic`. Raises Unavailable after `timeout` seconds, Conflict if it refuses."""
        call = Call(method, args, current_request_id.get())
        call_id = str(uuid.uuid4())
        give_up = time.monotonic() + timeout
        while time.monotonic() < give_up:
            connection: Connection | None = None
            try:
                connection = self._broker.connect()
                answer = self._ask(connection, topic, call, call_id, give_up)
            except CONNECTION_ERRORS:
                if connection is not None:
                    self._broker.drop(connection)
                    connection = None
                time.sleep(0.05)
                continue
            finally:
                if connection is not None:
                    close_quietly(connection)
            if "error" in answer:
                raise Conflict(answer["error"])
            return answer["result"]
        raise Unavailable(f"No answer from {topic} within {timeout:.0f} s. Retry when it is back.")

    def _ask(self, connection: Connection, topic: str, call: Call, call_id: str, give_up: float) -> dict[str, Any]:
        channel = connection.channel()
        replies = Queue(f"reply.{uuid.uuid4()}", exclusive=True, durable=False, auto_delete=True)
        answers: list[dict[str, Any]] = []

        def on_reply(body: dict[str, Any], message: Message) -> None:
            message.ack()
            if message.properties.get("correlation_id") == call_id:
                answers.append(body)

        self._broker.work_queue(topic)(channel).declare()
        with Consumer(channel, [replies], callbacks=[on_reply], accept=["json"]):
            Producer(channel).publish(
                call.body(),
                routing_key=topic,
                serializer="json",
                reply_to=replies.name,
                correlation_id=call_id,
                expiration=max(0.1, give_up - time.monotonic()),
            )
            while not answers:
                left = give_up - time.monotonic()
                if left <= 0:
                    raise Unavailable(f"No answer from {topic}. Retry when it is back.")
                try:
                    connection.drain_events(timeout=min(0.5, left))
                except TimeoutError:
                    connection.heartbeat_check(rate=2)
        return answers[0]

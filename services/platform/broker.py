"""Connections to the broker, and the shape of what travels over it.

Queues are quorum queues, declared alike by whoever publishes or consumes. Messages are JSON: a method, its arguments
and the request id they belong to. They are hints: lost, doubled or late ones do no harm, because the row in the
database that they point to decides (docs/decisions/0002).
"""

from __future__ import annotations

import itertools
import logging
import random
import socket
from dataclasses import dataclass
from typing import Any

from kombu import Connection, Queue
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)

#: Nothing older than this is worth delivering: the sweep has long sent another.
MESSAGE_TTL_SECONDS = 60

#: A broker that does not answer for so long is taken for gone, and the next one is asked.
SILENCE_SECONDS = 1

#: What a broken connection raises, whatever the transport.
CONNECTION_ERRORS: tuple[type[Exception], ...] = (
    *Connection("memory://").connection_errors,
    *Connection("pyamqp://").connection_errors,
    *Connection("pyamqp://").channel_errors,
    OperationalError,
    OSError,
)


@dataclass(frozen=True, slots=True)
class Call:
    """What a message asks for."""

    method: str
    args: dict[str, Any]
    request_id: str

    def body(self) -> dict[str, Any]:
        return {"method": self.method, "args": self.args, "request_id": self.request_id}

    @classmethod
    def parse(cls, body: Any) -> Call:
        """Raises ValueError for anything that is not such a message."""
        try:
            return cls(str(body["method"]), dict(body["args"]), str(body["request_id"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a message of ours: {body!r:.100}") from error


def work_queue(topic: str) -> Queue:
    """The queue of a topic: replicated, durable, with messages that expire."""
    return Queue(
        topic,
        routing_key=topic,
        durable=True,
        queue_arguments={"x-queue-type": "quorum", "x-message-ttl": MESSAGE_TTL_SECONDS * 1000},
    )


class Broker:
    """Where the broker's nodes are. Each `connect` tries the next one, so clients spread and leave dead ones."""

    def __init__(self, url: str) -> None:
        urls = [part.strip() for part in url.split(";") if part.strip()]
        random.shuffle(urls)
        self._urls = itertools.cycle(urls)
        self.count = len(urls)

    def connect(self) -> Connection:
        """A connection to the next node that answers. Raises one of CONNECTION_ERRORS when none does."""
        for attempt in range(1, self.count + 1):
            connection = Connection(
                next(self._urls),
                connect_timeout=1.0,
                heartbeat=2,
                transport_options={
                    "confirm_publish": True,
                    "read_timeout": SILENCE_SECONDS,
                    "write_timeout": SILENCE_SECONDS,
                    "polling_interval": 0.01,
                    "socket_settings": {socket.TCP_USER_TIMEOUT: SILENCE_SECONDS * 1000},
                },
            )
            try:
                connection.connect()
            except CONNECTION_ERRORS:
                close_quietly(connection)
                if attempt == self.count:
                    raise
            else:
                return connection
        raise OperationalError("no broker is configured")


def close_quietly(connection: Connection) -> None:
    """Give the connection's resources back without waiting for a peer that may be gone."""
    try:
        connection.collect(socket_timeout=0.1)
    except Exception:
        log.debug("closing a broken broker connection", exc_info=True)

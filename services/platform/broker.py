"""Connections to the broker, and the shape of what travels over it.

Queues are quorum queues (or, in a lab that is to show what that is worth, classic ones), declared alike by whoever
publishes or consumes. Messages are JSON: a method, its arguments and the request id they belong to. They are hints:
lost, doubled or late ones do no harm, because the row in the database that they point to decides (docs/decisions/0002).
"""

from __future__ import annotations

import itertools
import logging
import random
import socket
import time
from dataclasses import dataclass
from typing import Any

from kombu import Connection, Queue
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)

#: Nothing older than this is worth delivering: the sweep has long sent another.
MESSAGE_TTL_SECONDS = 60

QUORUM = "quorum"

#: How long a node may take to accept a connection.
CONNECT_SECONDS = 0.7

#: How long a node that failed somebody is asked last.
SUSPICION_SECONDS = 5.0

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


class Broker:
    """Where the broker's nodes are. Connections go round them, so clients spread; a node that has just failed somebody
    is asked last, since a dead one costs a timeout each time."""

    def __init__(self, url: str, queue_type: str = QUORUM) -> None:
        self._queue_type = queue_type
        self._urls = [part.strip() for part in url.split(";") if part.strip()]
        random.shuffle(self._urls)
        self._suspected_until = dict.fromkeys(self._urls, 0.0)
        self._turn = itertools.count()

    def connect(self, seat: int | None = None) -> Connection:
        """A connection to the next node that answers. Raises one of CONNECTION_ERRORS when none does.

        Whoever has a `seat` begins with the node of that number instead, so that those with different seats sit at
        different nodes; the connection's `at_home` says whether it got that one.
        """
        last: Exception = OperationalError("no broker is configured")
        start = next(self._turn) if seat is None else seat
        for url in self._in_turn(start):
            connection = Connection(
                url,
                connect_timeout=CONNECT_SECONDS,
                heartbeat=2,
                transport_options={
                    "confirm_publish": True,
                    "read_timeout": 2,
                    "write_timeout": 2,
                    "polling_interval": 0.01,
                    "socket_settings": {socket.TCP_USER_TIMEOUT: 2000},
                },
            )
            connection.node_url = url
            connection.at_home = seat is None or url == self._urls[seat % len(self._urls)]
            try:
                connection.connect()
            except CONNECTION_ERRORS as error:
                last = error
                self.drop(connection)
            else:
                return connection
        raise last

    def work_queue(self, topic: str) -> Queue:
        """The queue of a topic: durable, replicated where its type is, with messages that expire."""
        return Queue(
            topic,
            routing_key=topic,
            durable=True,
            queue_arguments={"x-queue-type": self._queue_type, "x-message-ttl": MESSAGE_TTL_SECONDS * 1000},
        )

    def _in_turn(self, start: int) -> list[str]:
        now = time.monotonic()
        urls = [self._urls[(start + step) % len(self._urls)] for step in range(len(self._urls))]
        return sorted(urls, key=lambda url: self._suspected_until[url] > now)

    def drop(self, connection: Connection) -> None:
        """Give up a connection that failed, and ask its node last for a while."""
        self._suspected_until[connection.node_url] = time.monotonic() + SUSPICION_SECONDS
        close_quietly(connection)


def close_quietly(connection: Connection) -> None:
    """Give the connection's resources back without waiting for a peer that may be gone."""
    try:
        connection.collect(socket_timeout=0.1)
    except Exception:
        log.debug("closing a broken broker connection", exc_info=True)

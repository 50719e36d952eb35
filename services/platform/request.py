"""What is known of the request being served: its id, and the ids that are derived from it.

The load balancer sends a random UUID in `X-Request-Key` and repeats it when it retries the request on another replica.
The request id and the id of everything the request creates are derived from that key, so the second execution finds
the work of the first instead of doing it again (docs/decisions/0004).
"""

from __future__ import annotations

import uuid
from contextvars import ContextVar
from typing import Final

REQUEST_KEY_HEADER: Final = "x-request-key"

#: The id under which the work at hand is logged; crosses RPC with the message.
current_request_id: ContextVar[str] = ContextVar("request_id", default="-")


class RequestKey:
    """A request's identity, and the source of the ids it may create."""

    __slots__ = ("key", "request_id")

    def __init__(self, key: uuid.UUID) -> None:
        self.key = key
        self.request_id = f"req-{key}"

    @classmethod
    def from_header(cls, value: str | None) -> RequestKey:
        """The key that the load balancer sent, or a new one where there is none or it is not a UUID."""
        try:
            return cls(uuid.UUID(value or ""))
        except ValueError:
            return cls(uuid.uuid4())

    def new_id(self, kind: str, index: int = 0) -> str:
        """The dashed UUID of the `index`-th `kind` that this request creates; the same at every execution."""
        return str(uuid.uuid5(self.key, f"{kind}:{index}"))

    def new_hex(self, kind: str, index: int = 0) -> str:
        """As `new_id`, 32 hexadecimal digits, as identity writes its ids."""
        return uuid.uuid5(self.key, f"{kind}:{index}").hex

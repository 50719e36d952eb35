"""Refuses object metadata that a node's disk could not keep, before a node is asked to.

Swift keeps an object's metadata, as a pickle, in attributes of its file, and ext4 has room for less than 4 KiB of them.
Swift's own limit counts neither names nor the pickle's overhead. A node that can't store them answers "insufficient
storage", whereupon a proxy leaves it alone for a while: one such upload would close object storage to everybody.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

LIMIT = 3900  # measured: 4028 bytes fit
PROTOCOL = 2  # Swift's
#: What the node adds itself.
OWN = {b"X-Timestamp": b"1764156189.12345", b"ETag": b"0" * 32, b"Content-Length": b"5368709122"}
#: Headers that are stored besides those of the prefixes.
KEPT = {
    "HTTP_CACHE_CONTROL",
    "HTTP_CONTENT_DISPOSITION",
    "HTTP_CONTENT_ENCODING",
    "HTTP_CONTENT_LANGUAGE",
    "HTTP_EXPIRES",
    "HTTP_X_DELETE_AT",
    "HTTP_X_ROBOTS_TAG",
    "CONTENT_TYPE",
}
PREFIXES = ("HTTP_X_OBJECT_", "HTTP_X_SYMLINK_")

Environ = Mapping[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


def stored(environ: Environ) -> int:
    """How many bytes of attributes an object needs that is put or changed by this request."""
    kept = {
        key.removeprefix("HTTP_").encode(): str(value).encode("latin-1", "replace")
        for key, value in environ.items()
        if key in KEPT or key.startswith(PREFIXES)
    }
    name = environ["PATH_INFO"].removeprefix("/v1").encode("latin-1", "replace")
    return len(pickle.dumps(OWN | kept | {b"name": name}, PROTOCOL))


def writes_object(environ: Environ) -> bool:
    """Whether the request stores metadata of an object: /v1/account/container/object."""
    return environ["REQUEST_METHOD"] in {"PUT", "POST"} and len(environ["PATH_INFO"].split("/", 4)) == 5


def filter_factory(_global: Mapping[str, str], **_own: str) -> Callable[[Application], Application]:
    """For paste.deploy: stands right before the proxy, after all that add headers of their own."""

    def around(app: Application) -> Application:
        def answer(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
            if not writes_object(environ) or (size := stored(environ)) <= LIMIT:
                return app(environ, start_response)
            body = f"The object's metadata would take {size} bytes; its nodes can keep {LIMIT}.".encode()
            status = HTTPStatus.BAD_REQUEST
            headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
            start_response(f"{status.value} {status.phrase}", headers)
            return [body]

        return answer

    return around

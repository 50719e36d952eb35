"""A small Swift by hand: real HTTP on loopback, containers, objects, static large objects, listings; and faults."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

PROJECT = "0123456789abcdef0123456789abcdef"


@dataclass
class Stored:
    """An object; `segments` where it is a manifest."""

    data: bytes
    segments: list[tuple[str, str]] | None = None
    written: float = field(default_factory=time.time)

    def row(self, name: str) -> dict[str, Any]:
        moment = datetime.fromtimestamp(self.written, UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
        return {"name": name, "bytes": len(self.data), "last_modified": moment}


class Broken(Exception):
    """The connection ends here."""


class FakeSwift:
    """What all entrances lead to."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.containers: dict[str, dict[str, Stored]] = {}
        self.entrances: list[Entrance] = []
        self.tokens = {"token-1"}
        self.requests: list[tuple[str, str]] = []
        #: The number of the request at which whoever asks has died; with `done`, that request still had its effect.
        self.dies_at: int | None = None
        self.done = False

    def entrance(self) -> Entrance:
        """One more way in."""
        made = Entrance(self)
        self.entrances.append(made)
        return made

    def names(self, container: str) -> list[str]:
        return sorted(self.containers.get(container, {}))

    def whole(self, stored: Stored) -> list[Stored | None]:
        """The parts that a GET sends, None where one is missing."""
        if stored.segments is None:
            return [stored]
        return [self.containers.get(container, {}).get(name) for container, name in stored.segments]

    def revive(self) -> None:
        """Whoever asks from now on is alive."""
        self.dies_at, self.requests = None, []

    def close(self) -> None:
        for entrance in self.entrances:
            entrance.down()


class OwnToken:
    """What `ServiceToken` is to the image service."""

    def __init__(self) -> None:
        self.number = 1

    def get(self) -> str:
        return f"token-{self.number}"

    def project_id(self) -> str:
        return PROJECT

    def forget(self, token: str) -> None:
        if token == self.get():
            self.number += 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    entrance: Entrance

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class Entrance:
    """One region's proxy, and what is wrong with it."""

    def __init__(self, swift: FakeSwift) -> None:
        self.swift = swift
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.entrance = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.status: int | None = None
        self.silent = threading.Event()
        self.hidden: set[str] = set()
        #: The connection breaks when so many more bytes of objects have gone through, either way.
        self.breaks_after: int | None = None
        self.taken = 0
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def down(self) -> None:
        """Nobody listens any more, and what was connected is not."""
        self._server.shutdown()
        self._server.server_close()
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def connected(self, connection: socket.socket) -> Iterator[None]:
        self._open.add(connection)
        try:
            yield
        finally:
            self._open.discard(connection)

    def passes(self, size: int) -> int:
        """How many of `size` bytes get through."""
        self.taken += size
        if self.breaks_after is None:
            return size
        passed = min(size, self.breaks_after)
        self.breaks_after -= passed
        return passed


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: Any) -> None:
        pass

    def handle(self) -> None:
        with self.server.entrance.connected(self.connection), suppress(Broken, OSError):
            super().handle()

    def _serve(self) -> None:
        entrance = self.server.entrance
        swift = entrance.swift
        url = urlsplit(self.path)
        if url.path == "/v3/auth/tokens":
            self._log_in()
            return
        with swift.lock:
            number = len(swift.requests)
            swift.requests.append((self.command, unquote(url.path)))
        if swift.dies_at is not None and number > swift.dies_at - (not swift.done):
            raise Broken
        if entrance.silent.is_set():
            while entrance.silent.is_set():
                time.sleep(0.01)
            raise Broken
        body = self._body()
        if entrance.status is not None or self.headers["X-Auth-Token"] not in swift.tokens:
            self._answer(entrance.status or 401)
            return
        _, version, account, *names = unquote(url.path).split("/", 4)
        assert (version, account) == ("v1", f"AUTH_{PROJECT}")
        query = {key: values[0] for key, values in parse_qs(url.query, keep_blank_values=True).items()}
        if not names:
            assert (self.command, query) == ("POST", {"bulk-delete": ""})
            self._delete_all(body)
            return
        container, *rest = names
        if rest:
            getattr(self, f"_{self.command.lower()}_object")(container, rest[0], query, body)
        else:
            getattr(self, f"_{self.command.lower()}_container")(container, query)

    do_GET = do_PUT = do_DELETE = do_POST = _serve  # noqa: N815 - the library looks for these names

    def _log_in(self) -> None:
        self._body()
        token = {"expires_at": "2999-01-01T00:00:00.000000Z", "project": {"id": PROJECT}}
        self._answer(201, json.dumps({"token": token}).encode(), {"X-Subject-Token": "token-1"})

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self._take(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline() or b"x", 16):
            parts.append(self._take(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _take(self, size: int) -> bytes:
        if self.server.entrance.passes(size) < size:
            raise Broken
        data = self.rfile.read(size)
        if len(data) < size:
            raise Broken
        return data

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        swift = self.server.entrance.swift
        if swift.dies_at is not None and len(swift.requests) > swift.dies_at:
            raise Broken
        self.send_response_only(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _put_container(self, container: str, _query: dict[str, str]) -> None:
        with self.server.entrance.swift.lock:
            self.server.entrance.swift.containers.setdefault(container, {})
        self._answer(201)

    def _get_container(self, container: str, query: dict[str, str]) -> None:
        swift = self.server.entrance.swift
        with swift.lock:
            if container not in swift.containers:
                self._answer(404)
                return
            prefix, marker = query.get("prefix", ""), query.get("marker", "")
            rows: list[dict[str, Any]] = []
            for name, stored in sorted(swift.containers[container].items()):
                head, found, _ = name.removeprefix(prefix).partition(query.get("delimiter") or "\0")
                row = {"subdir": f"{prefix}{head}/"} if found else stored.row(name)
                shown = row.get("subdir") or row["name"]
                if name.startswith(prefix) and shown > marker and (not rows or rows[-1] != row):
                    rows.append(row)
        self._answer(200, json.dumps(rows[: int(query["limit"])]).encode())

    def _put_object(self, container: str, name: str, query: dict[str, str], body: bytes) -> None:
        swift = self.server.entrance.swift
        with swift.lock:
            if container not in swift.containers:
                self._answer(404)
                return
            stored = Stored(body)
            if query.get("multipart-manifest") == "put":
                rows = json.loads(body)
                stored.segments = [tuple(row["path"][1:].split("/", 1)) for row in rows]
                for part, row in zip(swift.whole(stored), rows, strict=True):
                    if part is None or (len(part.data), _tag(part.data)) != (row["size_bytes"], row["etag"]):
                        self._answer(400, b"Errors:\n/x, 404 Not Found\n")
                        return
            swift.containers[container][name] = stored
        self._answer(201, headers={"Etag": f'"{_tag(body)}"' if stored.segments else _tag(body)})

    def _delete_object(self, container: str, name: str, _query: dict[str, str], _body: bytes) -> None:
        swift = self.server.entrance.swift
        with swift.lock:
            found = swift.containers.get(container, {}).pop(name, None)
        self._answer(204 if found else 404)

    def _delete_all(self, body: bytes) -> None:
        swift = self.server.entrance.swift
        with swift.lock:
            for line in body.decode().split("\n"):
                container, name = unquote(line)[1:].split("/", 1)
                swift.containers.get(container, {}).pop(name, None)
        self._answer(200, b'{"Response Status": "200 OK", "Errors": []}')

    def _get_object(self, container: str, name: str, _query: dict[str, str], _body: bytes) -> None:
        entrance = self.server.entrance
        stored = entrance.swift.containers.get(container, {}).get(name)
        if stored is None or name in entrance.hidden:
            self._answer(404)
            return
        parts = entrance.swift.whole(stored)
        if parts and parts[0] is None:
            self._answer(409)
            return
        sizes = [len(part.data) if part else 1 for part in parts]
        start = int(self.headers.get("Range", "bytes=0-")[6:-1])
        self.send_response_only(206 if start else 200)
        self.send_header("Content-Length", str(sum(sizes) - start))
        self.end_headers()
        for segment in stored.segments or [(container, name)]:
            part = entrance.swift.containers[segment[0]].get(segment[1]) if stored.segments else stored
            if part is None:
                raise Broken
            data, start = part.data[start:], max(0, start - len(part.data))
            for offset in range(0, len(data), 65536):
                piece = data[offset : offset + 65536]
                passed = entrance.passes(len(piece))
                self.wfile.write(piece[:passed])
                if passed < len(piece):
                    raise Broken


def _tag(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()

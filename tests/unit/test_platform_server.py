"""The server of a service: it ends as soon as it is told to, and its answers say what time it is."""

from __future__ import annotations

import http.client
import signal
import socket
import threading
import time

from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from services.platform.server import Server, uvicorn_config


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("OK")(scope, receive, send)


def dated(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/")
    date = connection.getresponse().headers["date"]
    connection.close()
    return date


def test_a_server_tells_the_time_and_ends_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(uvicorn_config(answer, "127.0.0.1", 0))
        serving = threading.Thread(target=server.run, args=([listener],))
        serving.start()
        port = listener.getsockname()[1]
        first, deadline = dated(port), time.monotonic() + 20
        while dated(port) == first and time.monotonic() < deadline:
            time.sleep(0.05)
        assert dated(port) != first
        server.handle_exit(signal.SIGTERM, None)
        serving.join(20)
        assert not serving.is_alive()

"""Keystone's manners on the wire: its fault bodies, its headers, HEAD for every GET, paths with a slash at the end."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.platform.faults import Fault

#: Set in the scope of a HEAD request, for the one answer whose status differs from that to GET.
IS_HEAD = "quorate.head"

#: Answers differ by who asks.
VARY = "X-Auth-Token"


def render_fault(fault: Fault) -> Response:
    body = {"error": {"code": fault.status, "message": fault.message, "title": fault.title}}
    return JSONResponse(body, status_code=fault.status, headers={"Vary": VARY, **fault.headers})


class KeystoneManners:
    """A layer between the request scope and the routes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        changed = dict(scope)
        if scope["method"] == "HEAD":
            # The server leaves out the body of the answer to a HEAD request.
            changed["method"] = "GET"
            changed[IS_HEAD] = True
        if len(scope["path"]) > 1:
            changed["path"] = scope["path"].rstrip("/") or "/"

        async def send_politely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["vary"] = VARY
                if message["status"] == 401:
                    headers["www-authenticate"] = f'Keystone uri="{_public_url(scope)}/v3"'
            await send(message)

        await self.app(changed, receive, send_politely)


def _public_url(scope: Scope) -> str:
    headers = Headers(scope=scope)
    host, port = scope.get("server") or ("localhost", None)
    return f"{headers.get('x-forwarded-proto', scope['scheme'])}://{headers.get('host', f'{host}:{port}')}"

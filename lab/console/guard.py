"""Who may talk to the console: whoever has the token of this start, from this machine, by this page.

The token comes once, in the address that the command prints; a cookie that only this page sends takes its place. Names
that lead here from elsewhere (DNS rebinding) are refused by the Host; requests that change something (forged across
sites) by their Origin and a header that only our page knows.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
HEADER = "x-quorate-console"
SAFE = frozenset({"GET", "HEAD"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


def _secret() -> str:
    return secrets.token_urlsafe(24)


@dataclass(frozen=True)
class Secrets:
    """Of one start: what the address carries, what the cookie does, what the page's own requests do."""

    token: str = field(default_factory=_secret)
    cookie: str = field(default_factory=_secret)
    page: str = field(default_factory=_secret)


@dataclass(frozen=True)
class Asked:
    """What a request says about itself."""

    method: str
    host: str
    cookie: str = ""
    origin: str = ""
    page: str = ""
    fetch_site: str = ""


def refusal(asked: Asked, own: Secrets) -> str | None:
    """Why a request is refused, a sentence; None where it may pass. Pure."""
    if asked.host.rsplit(":", 1)[0] not in LOOPBACK:
        return "The console answers on 127.0.0.1 and localhost only."
    if not _same(asked.cookie, own.cookie):
        return "Open the address that `quorate console` printed: it carries this start's token."
    if asked.method in SAFE:
        return None
    if asked.origin != f"http://{asked.host}" or asked.fetch_site not in {"", "same-origin"}:
        return "Requests that change something come from the console's own page only."
    if not _same(asked.page, own.page):
        return "This page is of an earlier start of the console: load it again."
    return None


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())


class Guard:
    """Stands before the application, and puts the headers on whatever is answered."""

    def __init__(self, app: ASGIApp, own: Secrets) -> None:
        self._app, self._own = app, own

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, text in HEADERS.items():
                    headers.setdefault(name, text)
            await send(message)

        answer = self._answer(scope)
        await (answer or self._app)(scope, receive, send_guarded)

    def _answer(self, scope: Scope) -> Response | None:
        """What the guard itself answers: a refusal, or the cookie for the token."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        name = cookie_name(host)
        asked = Asked(
            scope["method"],
            host,
            _cookie(headers.get("cookie", ""), name),
            headers.get("origin", ""),
            headers.get(HEADER, ""),
            headers.get("sec-fetch-site", ""),
        )
        if scope["path"] == "/" and asked.method in SAFE and (given := self._token(scope)):
            entered = Asked("GET", host, self._own.cookie if _same(given, self._own.token) else "")
            if (why := refusal(entered, self._own)) is not None:
                return PlainTextResponse(f"{why}\n", 403)
            response = RedirectResponse("/", 303)
            response.set_cookie(name, self._own.cookie, httponly=True, samesite="strict", path="/")
            return response
        why = refusal(asked, self._own)
        return PlainTextResponse(f"{why}\n", 403) if why is not None else None

    @staticmethod
    def _token(scope: Scope) -> str:
        query: bytes = scope["query_string"]
        return parse_qs(query.decode("ascii", "replace")).get("token", [""])[0]


def cookie_name(host: str) -> str:
    """The cookie of the console at this host and port: cookies know no ports, and two consoles must not mix."""
    return f"quorate-console-{host.rpartition(':')[2]}" if host.rpartition(":")[2].isdigit() else "quorate-console"


def _cookie(text: str, name: str) -> str:
    try:
        found = SimpleCookie(text).get(name)
    except CookieError:
        return ""
    return found.value if found is not None else ""

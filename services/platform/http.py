"""The application factory of every HTTP service: faults, request ids, body limits, health, metrics.

Endpoints are plain `def` functions (the database driver blocks, so they run in threads) and return ready responses.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError, IntegrityError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.platform import metrics
from services.platform.faults import BadRequest, Conflict, Fault, FaultRenderer, TooLarge, fault_for_status
from services.platform.health import HealthLayer
from services.platform.request import REQUEST_KEY_HEADER, RequestKey, current_request_id
from services.platform.units import Units, current_units

log = logging.getLogger(__name__)

#: The largest JSON body that OpenStack services take by default (oslo.middleware's sizelimit).
BODY_LIMIT_BYTES = 114_688

#: Asked again and again by monitors: not logged and not counted.
METRICS_PATH = "/metrics"


class _BodyTooLarge(HTTPException):
    """The request's body went over the limit. An HTTPException, because FastAPI turns any other into a 400."""

    def __init__(self) -> None:
        super().__init__(413, "Request is too large.")


def _header(scope: Scope, name: bytes) -> str | None:
    for key, value in scope["headers"]:
        if key == name:
            return str(value.decode("latin-1"))
    return None


class RequestScope:
    """Outermost layer: gives each request its key, bounds its body, and turns what nobody caught into a 500 fault."""

    def __init__(
        self, app: ASGIApp, *, service: str, render: FaultRenderer, is_upload: Callable[[Scope], bool]
    ) -> None:
        self.app, self.service, self.render, self.is_upload = app, service, render, is_upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        key = RequestKey.from_header(_header(scope, REQUEST_KEY_HEADER.encode()))
        scope.setdefault("state", {})["request_key"] = key
        reset, reset_units = current_request_id.set(key.request_id), current_units.set(Units(key.key))
        started = time.monotonic()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-openstack-request-id"] = key.request_id
                if self.service == "compute":
                    headers["x-compute-request-id"] = key.request_id
            await send(message)

        try:
            bounded = receive if self.is_upload(scope) else self._bounded(scope, receive)
            await self.app(scope, bounded, send_with_id)
        except _BodyTooLarge:
            await self.render(TooLarge("Request is too large."))(scope, receive, send_with_id)
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            if status == 0:
                fault = Fault(
                    f"An unexpected error prevented the server from fulfilling your request ({key.request_id})."
                )
                await self.render(fault)(scope, receive, send_with_id)
        finally:
            self._account(scope, status, time.monotonic() - started)
            current_request_id.reset(reset)
            current_units.reset(reset_units)

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        declared = _header(scope, b"content-length") or "0"
        if declared.isdigit() and int(declared) > BODY_LIMIT_BYTES:
            raise _BodyTooLarge
        taken = 0

        async def counting() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > BODY_LIMIT_BYTES:
                raise _BodyTooLarge
            return message

        return counting

    def _account(self, scope: Scope, status: int, seconds: float) -> None:
        if scope["path"] == METRICS_PATH:
            return
        metrics.requests_served.labels(self.service, scope["method"], str(status)).inc()
        metrics.request_seconds.labels(self.service).observe(seconds)
        log.info("%s %s %d %.1f ms", scope["method"], scope["path"], status, seconds * 1000)


def describe_validation_error(error: RequestValidationError) -> str:
    """One sentence that names the first wrong field, in the words that OpenStack uses."""
    first = error.errors()[0]
    where = [str(part) for part in first["loc"] if part not in ("body", "query", "path", "header")]
    if first["type"] in ("json_invalid", "model_attributes_type", "model_type", "dict_type") and not where:
        return "Malformed request body: expecting a JSON object."
    if first["type"] == "json_invalid":
        return "Malformed request body: it is not valid JSON."
    if first["type"] == "extra_forbidden":
        return f"Additional properties are not allowed ('{where[-1]}' was unexpected)."
    if first["type"] == "missing":
        return f"'{where[-1] if where else 'body'}' is a required property."
    shown = repr(first.get("input"))
    shown = shown if len(shown) < 80 else shown[:77] + "..."
    return f"Invalid input for field/attribute {'.'.join(where)}. Value: {shown}. {first['msg']}"


def _never(_scope: Scope) -> bool:
    return False


def make_app(
    service: str,
    routers: Iterable[APIRouter],
    *,
    render: FaultRenderer,
    ready: Callable[[], bool],
    middleware: Sequence[Callable[[ASGIApp], ASGIApp]] = (),
    is_upload: Callable[[Scope], bool] = _never,
    state: dict[str, Any] | None = None,
) -> FastAPI:
    """One service's ASGI application.

    `render` shapes faults; `ready` says whether the schema is there (until then `/healthcheck` answers 503), and so
    whether the database can be read (`/healthcheck/database`);
    `middleware` are layers between the request scope and the routes, outermost first; `is_upload` exempts a request
    from the body limit; `state` is put on `app.state` for the dependencies to find.
    """
    # Handed over as they are: to include a router, FastAPI makes each of its routes a second time.
    routes = [route for router in routers for route in router.routes]
    app = FastAPI(title=f"Quorate {service}", redirect_slashes=False, docs_url=None, redoc_url=None, routes=routes)
    for name, value in (state or {}).items():
        setattr(app.state, name, value)

    @app.exception_handler(Fault)
    async def on_fault(_request: Request, fault: Fault) -> Response:
        return render(fault)

    @app.exception_handler(RequestValidationError)
    async def on_invalid(_request: Request, error: RequestValidationError) -> Response:
        return render(BadRequest(describe_validation_error(error)))

    @app.exception_handler(HTTPException)
    async def on_http_exception(_request: Request, error: HTTPException) -> Response:
        # FastAPI answers a body that it cannot decode with a bare 400; the router raises 404 and 405.
        return render(fault_for_status(error.status_code, str(error.detail), error.headers))

    @app.exception_handler(IntegrityError)
    async def on_duplicate(_request: Request, error: IntegrityError) -> Response:
        # A concurrent request won the race for a unique name; the endpoint's own check came too early to see it.
        log.info("refused by a constraint: %s", error.orig)
        return render(Conflict("A resource with this name or id already exists."))

    @app.exception_handler(DataError)
    @app.exception_handler(UnicodeEncodeError)
    @app.exception_handler(OverflowError)
    async def on_unstorable(_request: Request, error: Exception) -> Response:
        log.info("cannot be stored: %s", error)
        return render(BadRequest("A value in the request is too long, too large or not valid Unicode."))

    app.add_route(METRICS_PATH, _metrics, include_in_schema=False)
    for layer in reversed(middleware):
        app.add_middleware(_Layer, wrap=layer)
    app.add_middleware(RequestScope, service=service, render=render, is_upload=is_upload)
    app.add_middleware(HealthLayer, ready=ready)
    return app


class _Layer:
    """Lets a plain ASGI wrapper stand in Starlette's middleware list."""

    def __init__(self, app: ASGIApp, wrap: Callable[[ASGIApp], ASGIApp]) -> None:
        self.app: Callable[[Scope, Receive, Send], Awaitable[None]] = wrap(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


async def _metrics(_request: Request) -> Response:
    return PlainTextResponse(metrics.exposition())


def json_body(status: int, body: object, headers: dict[str, str] | None = None) -> JSONResponse:
    """A ready JSON answer."""
    return JSONResponse(body, status_code=status, headers=headers)


def no_content(status: int = 204, headers: dict[str, str] | None = None) -> Response:
    """An answer without a body."""
    return Response(status_code=status, headers=headers)


def base_url(request: Request) -> str:
    """Scheme, host and port as the client wrote them: links in answers start with it (no trailing slash)."""
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme)
    host = request.headers.get("host") or request.url.netloc
    return f"{scheme}://{host}"

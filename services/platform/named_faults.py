"""The fault shape of compute and volume: `{"itemNotFound": {"code": 404, "message": "…"}}`."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response

from services.platform.faults import Fault

_NAMES = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    501: "notImplemented",
    503: "serviceUnavailable",
}


def render_fault(identity_url: str, fault: Fault) -> Response:
    """The answer that stands for `fault`."""
    name = _NAMES.get(fault.status, "computeFault")
    headers = dict(fault.headers)
    if fault.status == 401:
        headers["WWW-Authenticate"] = f'Keystone uri="{identity_url}"'
    body: dict[str, Any] = {"code": fault.status, "message": fault.message}
    if fault.status == 413 and "Retry-After" in headers:
        body["retryAfter"] = headers["Retry-After"]
    return JSONResponse({name: body}, fault.status, headers=headers)

"""JSON that can be stored and sent back. `json.loads` takes more: lone surrogates, NaN, 1e999, other encodings.

Routers that read JSON bodies are made with `APIRouter(route_class=StrictJsonRoute)`; what is refused becomes a 400.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

#: How deep arrays and objects may be nested. MariaDB stores JSON of at most 31 levels.
DEEPEST = 28


class StrictJsonRoute(APIRoute):
    """A route whose requests are read with `parse_json`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return strictly


class _StrictRequest(Request):
    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            try:
                self._json = parse_json(await self.body())
            except (ValueError, RecursionError) as error:
                raise HTTPException(400, f"Malformed request body: {error}") from error
        return self._json


def parse_json(body: bytes) -> Any:
    """The value of `body`. Raises ValueError where it is not JSON, or is JSON that UTF-8 cannot carry."""
    text = body.decode("utf-8")
    value = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    if "\\u" in text:
        _require_unicode(value)
    _require_shallow(text)
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError("it holds a number that is too large")
    return value


def _require_unicode(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("it holds half of a surrogate pair") from None


def _require_shallow(text: str) -> None:
    """Counts brackets, also those inside strings, only where there are enough of them to matter."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return
    depth = 0
    quoted = escaped = False
    for character in text:
        if quoted:
            quoted = escaped or character != '"'
            escaped = not escaped and character == "\\"
        elif character == '"':
            quoted = True
        elif character in "[{":
            depth += 1
            if depth > DEEPEST:
                raise ValueError(f"it is nested more than {DEEPEST} deep")
        elif character in "]}":
            depth -= 1

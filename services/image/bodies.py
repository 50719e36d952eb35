"""Request bodies: JSON, read by hand because Glance's media types and its 400s are its own."""

from __future__ import annotations

import json
from typing import Annotated, Any, NoReturn

from fastapi import Depends, Request

from services.platform.faults import BadRequest


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def decode(raw: bytes) -> Any:
    """The JSON value of `raw`. Raises BadRequest, also for text that no database could store."""
    try:
        value = json.loads(raw, parse_constant=_no_constant)
        if b"\\u" in raw:
            # An escape may spell half a surrogate pair or a NUL; neither is text.
            if "\\u0000" in json.dumps(value, ensure_ascii=True):
                raise ValueError("NUL is not text")
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise BadRequest("Malformed JSON in request body.") from None
    return value


async def any_json(request: Request) -> Any:
    return decode(await request.body())


async def json_object(request: Request) -> dict[str, Any]:
    value = decode(await request.body())
    if not isinstance(value, dict):
        raise BadRequest("Malformed request body: expecting a JSON object.")
    return value


#: A JSON body, whatever it is.
AnyJson = Annotated[Any, Depends(any_json)]
#: A JSON body that is an object.
JsonObject = Annotated[dict[str, Any], Depends(json_object)]

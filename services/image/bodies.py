"""Request bodies: JSON, read by hand because Glance's media types and its 400s are its own."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request

from services.platform.faults import BadRequest
from services.platform.strict_json import parse_json


def decode(raw: bytes) -> Any:
    """The JSON value of `raw`. Raises BadRequest, also for text that no database could store."""
    try:
        return parse_json(raw)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"Malformed request body: {error}") from None


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

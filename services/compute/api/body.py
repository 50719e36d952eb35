"""Types that request bodies are made of."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from services.platform.faults import BadRequest
from services.platform.microversions import Microversion

#: The largest integer of the database's columns.
MAX_INT = 0x7FFFFFFF


class Body(BaseModel):
    """A closed object: what is not named here is refused, as the service's schemas do."""

    model_config = ConfigDict(extra="forbid", populate_by_name=False)


def _printable(text: str) -> str:
    if text != text.strip():
        raise ValueError("Leading or trailing whitespace is not allowed.")
    if not text.isprintable():
        raise ValueError("Only printable characters are allowed.")
    return text


def _boolean(value: Any) -> Any:
    words = {"true": True, "1": True, "on": True, "yes": True, "false": False, "0": False, "off": False, "no": False}
    return words.get(value.lower(), value) if isinstance(value, str) else value


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise ValueError("It is not a UUID.") from None


Uuid = Annotated[str, AfterValidator(_uuid)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(_printable)]
Text255 = Annotated[str, StringConstraints(max_length=255)]
MetaKey = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9\-_:. ]+$")]
Metadata = dict[MetaKey, Text255]
Flag = Annotated[bool, BeforeValidator(_boolean)]
Count = Annotated[int, Field(ge=1, le=MAX_INT)]
Amount = Annotated[int, Field(ge=0, le=MAX_INT)]


def since(version: Microversion, minors: dict[str, int], given: set[str]) -> None:
    """Refuse fields that the request's microversion does not know yet. `minors` maps a field to its first 2.x."""
    for name in sorted(given):
        if version.minor < minors.get(name, 0):
            raise BadRequest(f"Additional properties are not allowed ('{name}' was unexpected).")

"""Types that request bodies are made of."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from services.platform.faults import BadRequest
from services.platform.microversions import Microversion

#: The largest integer of the database's columns.
MAX_INT = 0x7FFFFFFF

_UUID = re.compile(r"^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$")


class Body(BaseModel):
    """A closed object: what is not named here is refused, as the service's schemas do."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


def is_uuid(text: str) -> bool:
    return bool(_UUID.match(text))


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _uuid(text: str) -> str:
    if not is_uuid(text):
        raise ValueError(f"'{text[:80]}' is not a 'uuid'")
    return text


def _boolean(value: Any) -> Any:
    words = {"true": True, "1": True, "on": True, "yes": True, "y": True, "t": True}
    words |= {"false": False, "0": False, "off": False, "no": False, "n": False, "f": False}
    return words.get(value.lower(), value) if isinstance(value, str) else value


def _whole_number(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,10}", value, re.ASCII):
        return int(value)
    return value


Text255 = Annotated[str, StringConstraints(max_length=255)]
Name = Annotated[str, BeforeValidator(_stripped), StringConstraints(min_length=1, max_length=255)]
#: A name or description that may be empty or missing.
Label = Annotated[str, BeforeValidator(_stripped), StringConstraints(max_length=255)]
MetaKey = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9\-_:. /]+$")]
Metadata = dict[MetaKey, Text255]
Uuid = Annotated[str, AfterValidator(_uuid)]
Flag = Annotated[bool, BeforeValidator(_boolean), Field(strict=True)]
#: GiB, also as a string of digits.
Size = Annotated[int, BeforeValidator(_whole_number), Field(strict=True, ge=1, le=MAX_INT)]
Limit = Annotated[int, BeforeValidator(_whole_number), Field(strict=True, ge=-1, le=MAX_INT)]


def since(version: Microversion, minors: dict[str, int], given: set[str]) -> None:
    """Refuse fields that the request's microversion does not know yet. `minors` maps a field to its first 3.x."""
    for name in sorted(given):
        if version.minor < minors.get(name, 0):
            raise BadRequest(f"Additional properties are not allowed ('{name}' was unexpected).")

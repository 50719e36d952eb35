"""A new image from a request's document. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.image import schema
from services.image.access import check_new_values
from services.image.patch import check_name
from services.platform.faults import TooLarge

MAX_PROPERTIES: Final = 128
MAX_TAGS: Final = 128
MAX_MEMBERS: Final = 128


@dataclass(frozen=True, slots=True)
class NewImage:
    """What a client asked for: an id of its own choice or None, base attributes, tags, custom properties."""

    id: str | None
    attributes: dict[str, Any]
    tags: list[str]
    properties: dict[str, str | None]


def new_image(document: Mapping[str, Any], project_id: str | None, *, is_admin: bool) -> NewImage:
    """Raises BadRequest, Forbidden or TooLarge."""
    for name in document:
        check_name(name)
    schema.check(document)
    attributes = {name: value for name, value in document.items() if name in schema.WRITABLE}
    properties = {name: value for name, value in document.items() if name not in schema.WRITABLE}
    attributes.setdefault("owner", project_id)
    check_new_values(attributes, project_id, is_admin=is_admin)
    tags = unique(attributes.pop("tags", ()))
    check_amounts(tags, properties)
    return NewImage(attributes.pop("id", None), attributes, tags, properties)


def unique(tags: Sequence[str]) -> list[str]:
    """Each tag once."""
    return list(dict.fromkeys(tags))


def check_amounts(tags: Sequence[str], properties: Mapping[str, Any]) -> None:
    """Raises TooLarge where an image would have more than it may."""
    for what, amount, most in (("tags", len(tags), MAX_TAGS), ("properties", len(properties), MAX_PROPERTIES)):
        if amount > most:
            raise TooLarge(f"Attempted {what}: {amount}, Maximum: {most}")

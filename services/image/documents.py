"""Images and members as clients see them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from services.image.models import Image, Member
from services.platform.times import zulu

#: The one store that there is.
STORE: Final = "files"

#: Columns that are shown under their own names.
PLAIN: Final = (
    "name", "disk_format", "container_format", "visibility", "size", "virtual_size", "status", "checksum", "protected",
    "min_ram", "min_disk", "owner", "os_hidden", "os_hash_algo", "os_hash_value", "id",
)  # fmt: skip


def image_document(
    values: Iterable[Any],
    properties: Mapping[str, str | None],
    location: str | None,
    created_at: datetime,
    updated_at: datetime,
    tags: Sequence[str],
) -> dict[str, Any]:
    """An image's document. `values` are those of the attributes in PLAIN, in that order."""
    document: dict[str, Any] = dict(properties)
    document.update(zip(PLAIN, values, strict=False))
    if location:
        document["stores"] = STORE
    address = f"/v2/images/{document['id']}"
    document["created_at"] = zulu(created_at)
    document["updated_at"] = zulu(updated_at)
    document["tags"] = tags
    document["self"] = address
    document["file"] = f"{address}/file"
    document["schema"] = "/v2/schemas/image"
    return document


def show(image: Image) -> dict[str, Any]:
    """The document of an image that was loaded with its tags."""
    values = [getattr(image, name) for name in PLAIN]
    tags = sorted(tag.value for tag in image.tags)
    return image_document(values, image.properties, image.location, image.created_at, image.updated_at, tags)


def member_document(member: Member) -> dict[str, Any]:
    return {
        "member_id": member.project_id,
        "image_id": member.image_id,
        "status": member.status,
        "created_at": zulu(member.created_at),
        "updated_at": zulu(member.updated_at),
        "schema": "/v2/schemas/member",
    }

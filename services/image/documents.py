"""Images and members as clients see them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
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


def image_document(image: Any, tags: Iterable[str]) -> dict[str, Any]:
    """An image's document. `image` is an `Image`, or a row of its columns."""
    document = dict(image.properties)
    for name in PLAIN:
        document[name] = getattr(image, name)
    if image.location:
        document["stores"] = STORE
    address = f"/v2/images/{image.id}"
    document |= {
        "created_at": zulu(image.created_at),
        "updated_at": zulu(image.updated_at),
        "tags": list(tags),
        "self": address,
        "file": f"{address}/file",
        "schema": "/v2/schemas/image",
    }
    return document


def show(image: Image) -> dict[str, Any]:
    """The document of an image that was loaded with its tags."""
    return image_document(image, sorted(tag.value for tag in image.tags))


def member_document(member: Member) -> dict[str, Any]:
    return {
        "member_id": member.project_id,
        "image_id": member.image_id,
        "status": member.status,
        "created_at": zulu(member.created_at),
        "updated_at": zulu(member.updated_at),
        "schema": "/v2/schemas/member",
    }

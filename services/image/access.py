"""Who may see and who may change an image. Pure; the rules are Glance's default policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from services.platform.faults import Forbidden

#: What a visibility lets other projects do.
VISIBILITIES: Final = ("community", "public", "private", "shared")


class Owned(Protocol):
    """What the rules need to know of an image."""

    @property
    def owner(self) -> str | None: ...

    @property
    def visibility(self) -> str: ...


def may_see(image: Owned, project_id: str | None, *, is_admin: bool, is_member: bool) -> bool:
    """Whether the image may be read by id. A member may, whether or not it has accepted the image."""
    if is_admin or image.visibility in ("public", "community"):
        return True
    if image.owner is not None and image.owner == project_id:
        return True
    return image.visibility == "shared" and is_member


def may_change(image: Owned, project_id: str | None, *, is_admin: bool) -> bool:
    """Whether the image may be changed, filled, shared and deleted."""
    return is_admin or (image.owner is not None and image.owner == project_id)


def check_new_values(values: Mapping[str, object], project_id: str | None, *, is_admin: bool) -> None:
    """Raises Forbidden where `values`, about to be set on an image, are for administrators only."""
    if is_admin:
        return
    if values.get("visibility") == "public":
        raise Forbidden("You are not authorized to complete publicize_image action.")
    if "owner" in values and values["owner"] != project_id:
        raise Forbidden(f"You are not permitted to create images owned by '{values['owner']}'.")

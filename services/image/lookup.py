"""Finding an image on behalf of somebody: 404 for what they may not see, 403 for what they may not change."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session

from services.image.access import may_change, may_see
from services.image.models import Image, Member
from services.platform.context import Context
from services.platform.faults import Forbidden, NotFound


def find_visible(session: Session, context: Context, image_id: str) -> Image:
    """Raises NotFound where there is no such image for the bearer."""
    image = session.get(Image, image_id)
    if image is None or not _sees(session, context, image):
        raise NotFound(f"No image found with ID {image_id}")
    return image


def find_changeable(session: Session, context: Context, image_id: str) -> Image:
    """Raises NotFound or Forbidden."""
    context.require_writer()
    image = find_visible(session, context, image_id)
    if not changes(context, image):
        raise Forbidden("You are not permitted to modify this image.")
    return image


def change_once(session: Session, context: Context, image_id: str, change: Callable[[Image], None]) -> Image:
    """Apply `change` to the image unless this very request has changed it already (docs/decisions/0007).

    Raises NotFound, Forbidden, and what `change` raises.
    """
    image = find_changeable(session, context, image_id)
    key = str(context.request.key)
    if image.changed_by != key:
        change(image)
        image.changed_by = key
        session.flush()
    return image


def changes(context: Context, image: Image) -> bool:
    """Whether the bearer may change the image."""
    return may_change(image, context.access.project_id, is_admin=context.is_admin)


def _sees(session: Session, context: Context, image: Image) -> bool:
    project_id = context.access.project_id
    if may_see(image, project_id, is_admin=context.is_admin, is_member=False):
        return True
    is_member = project_id is not None and session.get(Member, (image.id, project_id)) is not None
    return may_see(image, project_id, is_admin=context.is_admin, is_member=is_member)

"""`/v2/images/{id}/tags/{tag}`."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from services.image.creation import MAX_TAGS
from services.image.lookup import change_once
from services.image.models import Image, Tag
from services.image.service import Here
from services.platform.authentication import Authenticated
from services.platform.faults import BadRequest, NotFound, TooLarge
from services.platform.http import no_content
from services.platform.times import utcnow

router = APIRouter()


@router.put("/v2/images/{image_id}/tags/{tag}")
def add_tag(image_id: str, tag: str, context: Authenticated, here: Here) -> Response:
    if len(tag) > 255:
        raise BadRequest("A tag may have up to 255 characters.")

    def change(image: Image) -> None:
        if tag in {one.value for one in image.tags}:
            return
        if len(image.tags) >= MAX_TAGS:
            raise TooLarge(f"Attempted tags: {len(image.tags) + 1}, Maximum: {MAX_TAGS}")
        image.tags.append(Tag(value=tag))
        image.updated_at = utcnow()

    here.write(lambda session: change_once(session, context, image_id, change))
    return no_content()


@router.delete("/v2/images/{image_id}/tags/{tag}")
def remove_tag(image_id: str, tag: str, context: Authenticated, here: Here) -> Response:
    def change(image: Image) -> None:
        found = next((one for one in image.tags if one.value == tag), None)
        if found is None:
            raise NotFound(f"Image {image_id} has no tag {tag}.")
        image.tags.remove(found)
        image.updated_at = utcnow()

    here.write(lambda session: change_once(session, context, image_id, change))
    return no_content()

"""`/v2/images/{id}/actions/…` and `/v2/images/{id}/import`."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from services.image import openapi
from services.image.bodies import JsonObject
from services.image.lookup import change_once
from services.image.models import Image
from services.image.service import Here, Service
from services.image.statuses import Event, after
from services.platform.authentication import Authenticated
from services.platform.context import Context
from services.platform.faults import BadRequest, Conflict, Forbidden
from services.platform.http import no_content
from services.platform.times import utcnow

router = APIRouter()


@router.post("/v2/images/{image_id}/actions/deactivate")
def deactivate(image_id: str, context: Authenticated, here: Here) -> Response:
    """From now on only administrators may download it."""
    return _switch(here, context, image_id, Event.DEACTIVATE)


@router.post("/v2/images/{image_id}/actions/reactivate")
def reactivate(image_id: str, context: Authenticated, here: Here) -> Response:
    return _switch(here, context, image_id, Event.REACTIVATE)


def _switch(here: Service, context: Context, image_id: str, event: Event) -> Response:
    def change(image: Image) -> None:
        try:
            status = after(image.status, event)
        except Conflict:
            raise Forbidden(f"Not allowed to {event.name.lower()} image in status '{image.status}'") from None
        if status != image.status:
            image.status, image.updated_at = status, utcnow()

    here.write(lambda session: change_once(session, context, image_id, change))
    return no_content()


@router.post("/v2/images/{image_id}/import", openapi_extra=openapi.IMPORT)
def import_image(image_id: str, context: Authenticated, here: Here, body: JsonObject) -> Response:
    """Make staged data the image's. There is one store and it holds the data already, so this is done at once."""
    method = body.get("method")
    if not isinstance(method, dict) or not isinstance(method.get("name"), str):
        raise BadRequest("Input to import_image requires 'method': {'name': …}.")
    if method["name"] != "glance-direct":
        raise BadRequest("Unknown import method name: the one method here is glance-direct.")

    def change(image: Image) -> None:
        if image.staged is None and image.location is None:
            raise Conflict("The image needs to be staged before 'glance-direct' method can be used.")
        image.status = after(image.status, Event.IMPORT)
        image.location, image.staged = image.staged, None
        image.updated_at = utcnow()

    here.write(lambda session: change_once(session, context, image_id, change))
    return no_content(202)

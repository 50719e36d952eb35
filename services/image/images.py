"""`/v2/images`: create, list, show, update, delete."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.image import documents, filters, openapi, patch, queries, schema
from services.image.access import check_new_values
from services.image.bodies import AnyJson, JsonObject
from services.image.creation import NewImage, check_amounts, new_image, unique
from services.image.documents import STORE
from services.image.lookup import change_once, changes, find_visible
from services.image.models import Image, Tag, Tombstone
from services.image.rendering import Version
from services.image.service import Here
from services.image.store import BlobStore
from services.platform.authentication import Authenticated
from services.platform.context import Context
from services.platform.database import find_or_add
from services.platform.faults import Conflict, Forbidden, Unavailable
from services.platform.http import base_url, json_body, no_content
from services.platform.times import utcnow

router = APIRouter()

_IMPORT_HEADERS: Final = {"OpenStack-image-import-methods": "glance-direct", "OpenStack-image-store-ids": STORE}


@router.post("/v2/images", openapi_extra=openapi.CREATE)
def create_image(request: Request, context: Authenticated, here: Here, body: JsonObject) -> Response:
    context.require_writer()
    wanted = new_image(body, context.access.project_id, is_admin=context.is_admin)
    document = here.write(lambda session: documents.show(_create(session, context, wanted)))
    location = f"{base_url(request)}{document['self']}"
    return json_body(201, document, {"Location": location, **_IMPORT_HEADERS})


def _create(session: Session, context: Context, wanted: NewImage) -> Image:
    key = str(context.request.key)
    image_id = wanted.id or context.request.new_id("image")
    if session.get(Tombstone, image_id) is not None:
        raise Conflict(f"Image ID {image_id} already exists!")
    image = Image(id=image_id, request_key=key, properties=wanted.properties, **wanted.attributes)
    image.tags = [Tag(value=tag) for tag in wanted.tags]
    image, added = find_or_add(session, image, image_id)
    if not added and image.request_key != key:
        raise Conflict(f"Image ID {image_id} already exists!")
    return image


@router.get("/v2/images", openapi_extra=openapi.LIST)
def list_images(request: Request, context: Authenticated, here: Here) -> Response:
    pairs = request.query_params.multi_items()
    listing = filters.parse(pairs)

    def work(session: Session) -> tuple[Sequence[Version], list[str], bool]:
        page, more = queries.list_versions(session, listing, context.access.project_id, is_admin=context.is_admin)
        return page, here.documents.of(session, page), more

    page, found, more = here.read(work)
    kept = [pair for pair in pairs if pair[0] != "marker"]
    rest = {"first": _address(kept), "schema": "/v2/schemas/images"}
    if more and page:
        rest["next"] = _address([*kept, ("marker", page[-1].id)])
    body = f'{{"images": [{", ".join(found)}], {json.dumps(rest)[1:]}'
    return Response(body, media_type="application/json")


def _address(pairs: list[tuple[str, str]]) -> str:
    return f"/v2/images?{urlencode(pairs)}" if pairs else "/v2/images"


@router.get("/v2/images/{image_id}")
def show_image(image_id: str, context: Authenticated, here: Here) -> Response:
    return json_body(200, here.read(lambda session: documents.show(find_visible(session, context, image_id))))


@router.patch("/v2/images/{image_id}", openapi_extra=openapi.PATCH)
def update_image(image_id: str, request: Request, context: Authenticated, here: Here, body: AnyJson) -> Response:
    operations = patch.parse(request.headers.get("content-type", ""), body)

    def change(image: Image) -> None:
        if operations:
            _update(image, patch.apply(operations, image.properties), context)

    image = here.write(lambda session: documents.show(change_once(session, context, image_id, change)))
    return json_body(200, image)


def _update(image: Image, changed: patch.Changes, context: Context) -> None:
    schema.check({**changed.attributes, **changed.properties})
    tags = unique(changed.attributes.pop("tags", [tag.value for tag in image.tags]))
    fresh = {name: value for name, value in changed.attributes.items() if value != getattr(image, name)}
    check_new_values(fresh, context.access.project_id, is_admin=context.is_admin)
    check_amounts(tags, changed.properties)
    for name in ("container_format", "disk_format"):
        if name in fresh and image.status != "queued":
            raise Forbidden(f"Attribute {name} can be only replaced for a queued image.")
    for name, value in fresh.items():
        setattr(image, name, value)
    image.properties = changed.properties
    kept = {tag.value: tag for tag in image.tags}
    image.tags = [kept.get(tag) or Tag(value=tag) for tag in tags]
    image.updated_at = utcnow()


@router.delete("/v2/images/{image_id}")
def delete_image(image_id: str, context: Authenticated, here: Here) -> Response:
    for blob in here.write(lambda session: delete(session, context, image_id)):
        # The image is gone already, so nobody need wait for its data to go.
        here.threads.submit(_remove, here.store, blob)
    return no_content()


def _remove(store: BlobStore, blob: str) -> None:
    with suppress(OSError, Unavailable):  # what cannot be removed now, the sweep will find
        store.delete(blob)


def delete(session: Session, context: Context, image_id: str) -> list[str]:
    """Removes the row; returns the names of the data that it named."""
    key = str(context.request.key)
    tombstone = session.get(Tombstone, image_id)
    if tombstone is not None and tombstone.request_key == key:
        return []
    context.require_writer()
    image = find_visible(session, context, image_id)
    if not changes(context, image):
        raise Forbidden("You are not permitted to delete this image.")
    if image.protected:
        raise Forbidden(f"Image {image_id} is protected and cannot be deleted.")
    session.delete(image)
    session.add(Tombstone(image_id=image_id, request_key=key, deleted_at=utcnow()))
    return [blob for blob in (image.location, image.staged) if blob]

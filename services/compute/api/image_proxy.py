"""`/images/{id}`, until 2.35: what the image service says, in compute's older words. New clients ask that itself."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compute.api.images import inherited
from services.compute.api.links import resource_links
from services.compute.api.parts import Parts
from services.platform.authentication import Authenticated
from services.platform.faults import NotFound
from services.platform.http import json_body, no_content
from services.platform.microversions import Microversion, Version
from services.platform.strict_json import StrictJsonRoute

router = APIRouter(route_class=StrictJsonRoute)

#: The image service's status -> compute's, and how far the image is, in per cent.
_STATUS: Final = {
    "active": ("ACTIVE", 100),
    "queued": ("SAVING", 25),
    "saving": ("SAVING", 50),
    "deleted": ("DELETED", 0),
    "killed": ("ERROR", 0),
}


def _until_2_35(version: Microversion) -> None:
    if version.minor >= 36:
        raise NotFound("The resource could not be found.")


def view(request: Request, image: dict[str, Any]) -> dict[str, Any]:
    status, progress = _STATUS.get(image["status"], ("UNKNOWN", 0))
    alternate = {"rel": "alternate", "type": "application/vnd.openstack.image"}
    links: list[dict[str, str]] = resource_links(request, "images", image["id"])
    shown: dict[str, Any] = {
        "id": image["id"],
        "name": image["name"],
        "status": status,
        "progress": progress,
        "created": image["created_at"],
        "updated": image["updated_at"],
        "minDisk": image["min_disk"],
        "minRam": image["min_ram"],
        "metadata": inherited(image),
        "OS-EXT-IMG-SIZE:size": image["size"] or 0,
        "links": [*links, alternate | {"href": links[1]["href"]}],
    }
    if image.get("instance_uuid"):
        shown["server"] = {
            "id": image["instance_uuid"],
            "links": resource_links(request, "servers", image["instance_uuid"]),
        }
    return shown


@router.get("/images/{image_id}")
def show_image(request: Request, image_id: str, context: Authenticated, parts: Parts, version: Version) -> Response:
    _until_2_35(version)
    image = parts.images.document(image_id, context.token)
    if not image:
        raise NotFound("Image not found.")
    return json_body(200, {"image": view(request, image)})


@router.delete("/images/{image_id}")
def delete_image(image_id: str, context: Authenticated, parts: Parts, version: Version) -> Response:
    _until_2_35(version)
    context.require_writer()
    parts.images.delete(image_id, context.token)
    return no_content(204)

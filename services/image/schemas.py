"""`/v2/schemas/…` and `/v2/info/…`: what the service says of itself."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from services.image.documents import STORE
from services.image.filters import MEMBER_STATUSES
from services.image.schema import image_schema
from services.platform.authentication import Authenticated
from services.platform.http import json_body

router = APIRouter()

_MEMBER: Final[dict[str, Any]] = {
    "name": "member",
    "properties": {
        "member_id": {"type": "string", "description": "An identifier for the image member (tenantId)"},
        "image_id": {"type": "string", "description": "An identifier for the image"},
        "status": {"type": "string", "enum": list(MEMBER_STATUSES), "description": "The status of this image member"},
        "created_at": {"type": "string", "description": "Date and time of image member creation"},
        "updated_at": {"type": "string", "description": "Date and time of last modification of image member"},
        "schema": {"readOnly": True, "type": "string"},
    },
}


def _collection(name: str, key: str, item: dict[str, Any], links: list[dict[str, str]]) -> dict[str, Any]:
    properties = {
        key: {"type": "array", "items": item},
        "first": {"type": "string"},
        "next": {"type": "string"},
        "schema": {"type": "string"},
    }
    return {"name": name, "properties": properties, "links": links}


_LINKS: Final = [{"rel": "first", "href": "{first}"}, {"rel": "next", "href": "{next}"}]
_DESCRIBED: Final = {"rel": "describedby", "href": "{schema}"}
_IMAGE: Final = image_schema()
_IMAGES: Final = _collection("images", "images", _IMAGE, [*_LINKS, _DESCRIBED])
_MEMBERS: Final = _collection("members", "members", _MEMBER, [_DESCRIBED])
_IMPORT: Final = {
    "import-methods": {"description": "Import methods available.", "type": "array", "value": ["glance-direct"]}
}
_STORES: Final = {"stores": [{"id": STORE, "description": "One volume, seen by all replicas", "default": "true"}]}


@router.get("/v2/schemas/image")
def show_image_schema(_context: Authenticated) -> Response:
    return json_body(200, _IMAGE)


@router.get("/v2/schemas/images")
def show_images_schema(_context: Authenticated) -> Response:
    return json_body(200, _IMAGES)


@router.get("/v2/schemas/member")
def show_member_schema(_context: Authenticated) -> Response:
    return json_body(200, _MEMBER)


@router.get("/v2/schemas/members")
def show_members_schema(_context: Authenticated) -> Response:
    return json_body(200, _MEMBERS)


@router.get("/v2/info/import")
def show_import_methods(_context: Authenticated) -> Response:
    return json_body(200, _IMPORT)


@router.get("/v2/info/stores")
def show_stores(_context: Authenticated) -> Response:
    return json_body(200, _STORES)

"""Version documents. No token is needed."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.platform.http import base_url, json_body
from services.platform.microversions import Microversion, MicroversionRange

SERVED = MicroversionRange("volume", None, Microversion(3, 0), Microversion(3, 67))

router = APIRouter()


def _document(request: Request) -> dict[str, Any]:
    entry = {
        "id": "v3.0",
        "status": "CURRENT",
        "version": str(SERVED.highest),
        "min_version": str(SERVED.lowest),
        "updated": "2023-08-31T00:00:00Z",
        "links": [
            {"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"},
            {"rel": "self", "href": f"{base_url(request)}/v3/"},
        ],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.volume+json;version=3"}],
    }
    return {"versions": [entry]}


@router.get("/")
def all_versions(request: Request) -> Response:
    return json_body(300, _document(request))


@router.get("/v3")
@router.get("/v3/", include_in_schema=False)
def current_version(request: Request) -> Response:
    return json_body(200, _document(request))

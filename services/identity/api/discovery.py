"""`GET /` and `GET /v3`: which versions there are, without a token."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.platform.http import base_url, json_body

router = APIRouter()


def _version(request: Request) -> dict[str, Any]:
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{base_url(request)}/v3/"}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    }


@router.get("/")
async def list_versions(request: Request) -> Response:
    body = {"versions": {"values": [_version(request)]}}
    return json_body(300, body, {"Location": f"{base_url(request)}/v3/"})


@router.get("/v3")
async def show_version(request: Request) -> Response:
    return json_body(200, {"version": _version(request)})

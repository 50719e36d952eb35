"""`/` and `/versions`: which versions of the API there are. No token is needed."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.platform.http import base_url, json_body

router = APIRouter()

#: Newest first. 2.9 is the last before the tasks of an import (2.12), which there are not.
_VERSIONS: Final = ("v2.9", "v2.7", "v2.6", "v2.5", "v2.4", "v2.3", "v2.2", "v2.1", "v2.0")


@router.get("/")
def choose_version(request: Request) -> Response:
    return json_body(300, _document(request))


@router.get("/versions")
def list_versions(request: Request) -> Response:
    return json_body(200, _document(request))


def _document(request: Request) -> dict[str, Any]:
    links = [{"rel": "self", "href": f"{base_url(request)}/v2/"}]
    status = {_VERSIONS[0]: "CURRENT"}
    return {"versions": [{"id": one, "status": status.get(one, "SUPPORTED"), "links": links} for one in _VERSIONS]}

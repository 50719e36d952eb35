"""Version documents. The legacy v2.0 entry comes first, as clients expect; it is v2.1 at its lowest microversion."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.platform.http import base_url, json_body
from services.platform.microversions import Microversion, MicroversionRange
from services.platform.strict_json import StrictJsonRoute

SERVED = MicroversionRange("compute", "X-OpenStack-Nova-API-Version", Microversion(2, 1), Microversion(2, 90))

router = APIRouter(route_class=StrictJsonRoute)


def _entry(base: str, which: str) -> dict[str, Any]:
    current = which == "v2.1"
    return {
        "id": which,
        "status": "CURRENT" if current else "SUPPORTED",
        "version": str(SERVED.highest) if current else "",
        "min_version": str(SERVED.lowest) if current else "",
        "updated": "2013-07-23T11:33:21Z" if current else "2011-01-21T11:33:21Z",
        "links": [{"rel": "self", "href": f"{base}/{'v2.1' if current else 'v2'}/"}],
    }


def _document(base: str, which: str) -> dict[str, Any]:
    number = "2.1" if which == "v2.1" else "2"
    entry = _entry(base, which)
    described = {"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"}
    media = {"base": "application/json", "type": f"application/vnd.openstack.compute+json;version={number}"}
    return {"version": {**entry, "links": [*entry["links"], described], "media-types": [media]}}


@router.get("/")
def all_versions(request: Request) -> Response:
    base = base_url(request)
    return json_body(200, {"versions": [_entry(base, "v2.0"), _entry(base, "v2.1")]})


@router.get("/v2.1")
@router.get("/v2.1/", include_in_schema=False)
def current_version(request: Request) -> Response:
    return json_body(200, _document(base_url(request), "v2.1"))


@router.get("/v2")
@router.get("/v2/", include_in_schema=False)
def legacy_version(request: Request) -> Response:
    return json_body(200, _document(base_url(request), "v2.0"))

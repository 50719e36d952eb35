"""Links in answers, built from the address that the client used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import Request

from services.platform.http import base_url
from services.platform.pagination import next_link


def _project_part(request: Request) -> str:
    project_id = request.path_params.get("project_id")
    return f"/{project_id}" if project_id else ""


def resource_links(request: Request, collection: str, resource_id: str) -> list[dict[str, str]]:
    """The `self` and `bookmark` links of a resource."""
    tail = f"{_project_part(request)}/{collection}/{resource_id}"
    return [
        {"rel": "self", "href": f"{base_url(request)}/v3{tail}"},
        {"rel": "bookmark", "href": f"{base_url(request)}{tail}"},
    ]


def own_url(request: Request) -> str:
    """The request's own address without its query."""
    return f"{base_url(request)}{request.url.path}"


def collection_links(request: Request, name: str, shown: Sequence[str], limit: int) -> dict[str, Any]:
    """The link to the next page, where this page with the ids `shown` is full. The next may turn out to be empty."""
    if not shown or len(shown) < limit:
        return {}
    return {f"{name}_links": [{"rel": "next", "href": next_link(own_url(request), request.url.query, shown[-1])}]}

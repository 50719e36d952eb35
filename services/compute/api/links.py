"""Links in answers, built from the address that the client used."""

from __future__ import annotations

from fastapi import Request

from services.platform.http import base_url


def api_root(request: Request) -> str:
    """`http://host:8774/v2.1` or `…/v2`, whichever the request came by."""
    return f"{base_url(request)}/{request.url.path.split('/')[1]}"


def resource_links(request: Request, collection: str, resource_id: str) -> list[dict[str, str]]:
    """The `self` and `bookmark` links of a resource."""
    return [
        {"rel": "self", "href": f"{api_root(request)}/{collection}/{resource_id}"},
        {"rel": "bookmark", "href": f"{base_url(request)}/{collection}/{resource_id}"},
    ]


def own_url(request: Request) -> str:
    """The request's own address without its query."""
    return f"{base_url(request)}{request.url.path}"

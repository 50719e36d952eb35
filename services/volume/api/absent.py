"""What Cinder has and this service has not: lists are empty, and nothing is found in them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from services.platform.authentication import Authenticated
from services.platform.faults import NotFound
from services.platform.http import json_body
from services.platform.microversions import Version
from services.platform.strict_json import StrictJsonRoute
from services.volume.api import snapshot_queries, volume_queries

router = APIRouter(route_class=StrictJsonRoute)

#: Address -> the key of the list, and the first microversion that knows it.
_LISTS = {
    "backups": ("backups", 0),
    "groups": ("groups", 13),
    "group_types": ("group_types", 11),
    "group_snapshots": ("group_snapshots", 14),
    "consistencygroups": ("consistencygroups", 0),
    "cgsnapshots": ("cgsnapshots", 0),
}


def _list(name: str, version: Version) -> Response:
    key, minor = _LISTS[name]
    if version.minor < minor:
        raise NotFound("The resource could not be found.")
    return json_body(200, {key: []})


def _serve(name: str) -> None:
    what = name.removesuffix("s").replace("_", " ").capitalize()

    @router.get(f"/{name}", name=f"list_{name}")
    @router.get(f"/{name}/detail", name=f"list_{name}_in_detail")
    def listed(context: Authenticated, version: Version) -> Response:
        return _list(name, version)

    @router.api_route(f"/{name}/{{resource_id}}", methods=["GET", "PUT", "DELETE"], name=f"no_{name}")
    def missing(resource_id: str, context: Authenticated) -> Response:
        raise NotFound(f"{what} {resource_id} could not be found.")


for _name in _LISTS:
    _serve(_name)


@router.get("/resource_filters")
def list_resource_filters(context: Authenticated, version: Version, resource: str | None = None) -> Response:
    """Which filters users may use on which list (3.33)."""
    if version.minor < 33:
        raise NotFound("The resource could not be found.")
    filters: dict[str, Any] = {
        "volume": volume_queries.KNOWN - {"display_name", "glance_metadata"},
        "snapshot": snapshot_queries.KNOWN - {"display_name"},
        "attachment": {"volume_id", "status", "instance_id", "attach_status"},
        "message": {"resource_uuid", "resource_type", "event_id", "request_id", "message_level"},
        "pool": {"name"},
        "volume_type": {"is_public", "extra_specs"},
    }
    chosen = {name: sorted(known) for name, known in filters.items() if resource in (None, name)}
    shown = [{"resource": name, "filters": known} for name, known in chosen.items()]
    return json_body(200, {"resource_filters": shown})

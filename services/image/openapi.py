"""What the OpenAPI document says of bodies and parameters that the endpoints read by hand."""

from __future__ import annotations

from typing import Any, Final

from services.image import filters, patch
from services.image.access import VISIBILITIES
from services.image.schema import KNOWN_PROPERTIES, WRITABLE


def _body(media: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {media: {"schema": schema}}}}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema}


_OPERATION: Final = {
    "type": "object",
    "required": ["op", "path"],
    "properties": {"op": {"enum": list(patch.ACTIONS)}, "path": {"type": "string"}, "value": {}},
}

CREATE: Final = _body("application/json", {
    "type": "object", "properties": {**WRITABLE, **KNOWN_PROPERTIES}, "additionalProperties": {"type": "string"},
})  # fmt: skip
PATCH: Final = _body(patch.NEWER, {"type": "array", "items": _OPERATION})
DATA: Final = _body("application/octet-stream", {"type": "string", "format": "binary"})
ADD_MEMBER: Final = _body("application/json", _object(member={"type": "string"}))
SET_MEMBER: Final = _body("application/json", _object(status={"enum": list(filters.MEMBER_STATUSES)}))
IMPORT: Final = _body("application/json", _object(method=_object(name={"type": "string"})))
LIST: Final[dict[str, Any]] = {
    "parameters": [
        _parameter("limit", {"type": "integer", "minimum": 0}),
        _parameter("visibility", {"enum": [*VISIBILITIES, "all"]}),
        _parameter("member_status", {"enum": [*filters.MEMBER_STATUSES, "all"]}),
        _parameter("os_hidden", {"type": "boolean"}),
        _parameter("protected", {"type": "boolean"}),
        _parameter("sort_dir", {"enum": ["asc", "desc"]}),
        _parameter("sort_key", {"enum": list(filters.SORT_KEYS)}),
        *(_parameter(name, {"type": "integer"}) for name in ("size", "size_min", "size_max", "min_disk", "min_ram")),
        *(_parameter(name, {"type": "string"}) for name in ("sort", "tag", "marker", "created_at", "updated_at")),
        *(_parameter(name, {"type": "string"}) for name in ("id", "name", "status", "owner", "checksum", "anything")),
    ]
}

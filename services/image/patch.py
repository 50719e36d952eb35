"""Image updates: both forms of JSON patch that Glance takes, and what they do to an image. Pure.

`application/openstack-images-v2.1-json-patch` is RFC 6902 without `test`, `move` and `copy`;
`application/openstack-images-v2.0-json-patch` is an older draft: `{"replace": "/name", "value": "x"}`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.image.schema import READ_ONLY, RESERVED, RESERVED_PREFIX, WRITABLE
from services.platform.faults import BadRequest, Conflict, Forbidden, UnsupportedMedia

ACTIONS: Final = ("add", "replace", "remove")
NEWER: Final = "application/openstack-images-v2.1-json-patch"
OLDER: Final = "application/openstack-images-v2.0-json-patch"


@dataclass(frozen=True, slots=True)
class Operation:
    """One change of one attribute or custom property."""

    action: str
    name: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What a patch sets: new values of base attributes, and all custom properties as they are after it."""

    attributes: dict[str, Any]
    properties: dict[str, str | None]


def parse(content_type: str, body: object) -> list[Operation]:
    """The operations of a PATCH. Raises UnsupportedMedia or BadRequest."""
    media = content_type.partition(";")[0].strip().lower()
    readers: dict[str, Callable[[dict[str, Any]], tuple[str, object]]] = {NEWER: _newer, OLDER: _older}
    if media not in readers:
        raise UnsupportedMedia(f"Unsupported content type '{media}': send {NEWER} or {OLDER}.")
    if not isinstance(body, list):
        raise BadRequest("Request body must be a JSON array of operation objects.")
    return [_operation(readers[media], entry) for entry in body]


def _operation(reader: Callable[[dict[str, Any]], tuple[str, object]], entry: object) -> Operation:
    if not isinstance(entry, dict):
        raise BadRequest("Operations must be JSON objects.")
    action, pointer = reader(entry)
    if action != "remove" and "value" not in entry:
        raise BadRequest(f'Operation "{action}" requires a member named "value".')
    return Operation(action, attribute_name(pointer), entry.get("value"))


def _newer(entry: dict[str, Any]) -> tuple[str, object]:
    action = entry.get("op")
    if action not in ACTIONS:
        raise BadRequest("Operation 'op' must be one of add, replace and remove.")
    if "path" not in entry:
        raise BadRequest("Unable to find 'path' in JSON Schema change")
    return str(action), entry["path"]


def _older(entry: dict[str, Any]) -> tuple[str, object]:
    named = [action for action in ACTIONS if action in entry]
    if len(named) != 1:
        raise BadRequest('Operation objects must contain exactly one member named "add", "remove", or "replace".')
    return named[0], entry[named[0]]


def attribute_name(pointer: object) -> str:
    """The attribute that a JSON pointer names. Raises BadRequest for a pointer that reaches into a value."""
    if not isinstance(pointer, str) or not pointer.startswith("/"):
        raise BadRequest(f'Pointer `{pointer}` does not start with "/".')
    token = pointer[1:]
    if not token or "/" in token:
        raise BadRequest(f"Invalid JSON pointer for this resource: '{pointer}'")
    if re.search("~(?![01])", token):
        raise BadRequest(f'Pointer `{pointer}` contains "~" not part of a recognized escape sequence.')
    return token.replace("~1", "/").replace("~0", "~")


def check_name(name: str) -> None:
    """Raises Forbidden where clients may not set what has this name, BadRequest where nothing may have it."""
    if name in READ_ONLY:
        raise Forbidden(f"Attribute '{name}' is read-only.")
    if name in RESERVED or name.startswith(RESERVED_PREFIX):
        raise Forbidden(f"Attribute '{name}' is reserved.")
    if name == "locations":
        raise Forbidden("It's not allowed to add locations if locations are invisible.")
    if len(name) > 255:
        raise BadRequest("The name of a property may have up to 255 characters.")


def apply(operations: Sequence[Operation], properties: Mapping[str, str | None]) -> Changes:
    """What `operations`, in their order, make of an image with these custom properties."""
    changes = Changes({}, dict(properties))
    for operation in operations:
        _apply(operation, changes)
    return changes


def _apply(operation: Operation, changes: Changes) -> None:
    name = operation.name
    check_name(name)
    if name == "id":
        raise Forbidden("Attribute 'id' is read-only.")
    if name in WRITABLE:
        if operation.action == "remove":
            raise Forbidden(f"Property {name} may not be removed.")
        changes.attributes[name] = operation.value
        return
    if operation.action != "add" and name not in changes.properties:
        raise Conflict(f"Property {name} does not exist.")
    if operation.action == "remove":
        del changes.properties[name]
    else:
        changes.properties[name] = operation.value

"""The image's JSON schema, as `GET /v2/schemas/image` serves it, and the check of a document against it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from services.image.access import VISIBILITIES
from services.platform.faults import BadRequest

_UUID: Final = "^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$"
_LARGEST_INTEGER: Final = 2**31 - 1
_OPTIONAL: Final = ["null", "string"]

CONTAINER_FORMATS: Final = ("ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed")
DISK_FORMATS: Final = ("ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop", "gpt")
STATUSES: Final = (
    "queued", "saving", "active", "killed", "deleted", "uploading", "importing", "pending_delete", "deactivated",
)  # fmt: skip


def _text(description: str, length: int = 255, **more: Any) -> dict[str, Any]:
    return {"type": _OPTIONAL, "description": description, "maxLength": length, **more}


def _number(description: str) -> dict[str, Any]:
    return {"type": "integer", "description": description, "minimum": 0, "maximum": _LARGEST_INTEGER}


def _fixed(kind: Any, description: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "description": description, "readOnly": True, **more}


#: Attributes of every image that clients may set.
WRITABLE: Final[dict[str, dict[str, Any]]] = {
    "id": {"type": "string", "pattern": _UUID, "description": "An identifier for the image"},
    "name": _text("Descriptive name for the image"),
    "visibility": {"type": "string", "enum": list(VISIBILITIES), "description": "Scope of image accessibility"},
    "protected": {"type": "boolean", "description": "If true, image will not be deletable."},
    "os_hidden": {"type": "boolean", "description": "If true, image will not appear in default image list response."},
    "owner": _text("Owner of the image"),
    "container_format": {
        "type": _OPTIONAL, "enum": [None, *CONTAINER_FORMATS], "description": "Format of the container",
    },
    "disk_format": {"type": _OPTIONAL, "enum": [None, *DISK_FORMATS], "description": "Format of the disk"},
    "min_disk": _number("Amount of disk space (in GB) required to boot image."),
    "min_ram": _number("Amount of ram (in MB) required to boot image."),
    "tags": {
        "type": "array", "items": {"type": "string", "maxLength": 255}, "description": "List of strings related to it",
    },
}  # fmt: skip

#: Attributes of every image that only the service sets.
READ_ONLY: Final[dict[str, dict[str, Any]]] = {
    "status": _fixed("string", "Status of the image", enum=list(STATUSES)),
    "size": _fixed(["null", "integer"], "Size of image file in bytes"),
    "virtual_size": _fixed(["null", "integer"], "Virtual size of image in bytes"),
    "checksum": _fixed(_OPTIONAL, "md5 hash of image contents.", maxLength=32),
    "os_hash_algo": _fixed(_OPTIONAL, "Algorithm to calculate os_hash_value", maxLength=64),
    "os_hash_value": _fixed(_OPTIONAL, "Hexdigest of the image contents", maxLength=128),
    "created_at": _fixed("string", "Date and time of image registration"),
    "updated_at": _fixed("string", "Date and time of the last image modification"),
    "direct_url": _fixed("string", "URL to access the image file kept in external store"),
    "self": _fixed("string", "An image self url"),
    "file": _fixed("string", "An image file url"),
    "schema": _fixed("string", "An image schema url"),
    "stores": _fixed("string", "Store in which image data resides"),
}

#: Custom properties that have a form of their own.
KNOWN_PROPERTIES: Final[dict[str, dict[str, Any]]] = {
    "kernel_id": _text("ID of image stored in Glance that should be used as the kernel", 36, pattern=_UUID),
    "ramdisk_id": _text("ID of image stored in Glance that should be used as the ramdisk", 36, pattern=_UUID),
    "instance_uuid": {"type": "string", "description": "Metadata which can be used to record which instance it is of"},
    "architecture": {"type": "string", "description": "Operating system architecture"},
    "os_distro": {"type": "string", "description": "Common name of operating system distribution"},
    "os_version": {"type": "string", "description": "Operating system version as specified by the distributor"},
}
for _known in KNOWN_PROPERTIES.values():
    _known["is_base"] = False

_CUSTOM: Final[dict[str, Any]] = {"type": "string"}

#: Names that Glance keeps for itself.
RESERVED: Final = frozenset({"location", "deleted", "deleted_at"})
RESERVED_PREFIX: Final = "os_glance_"

_TYPES: Final[Mapping[str, Callable[[object], bool]]] = {
    "null": lambda value: value is None,
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
}


def check(values: Mapping[str, object]) -> None:
    """Raises BadRequest where a value does not have the form that the schema asks of its name."""
    for name, value in values.items():
        rule = WRITABLE.get(name) or KNOWN_PROPERTIES.get(name) or _CUSTOM
        if problem := _problem(value, rule):
            raise BadRequest(f"Provided object does not match schema 'image': {name}: {problem}")


def _problem(value: object, rule: Mapping[str, Any]) -> str | None:
    kinds = rule["type"] if isinstance(rule["type"], list) else [rule["type"]]
    if not any(_TYPES[kind](value) for kind in kinds):
        return f"{_shown(value)} is not of type {', '.join(map(repr, kinds))}"
    if "enum" in rule and value not in rule["enum"]:
        return f"{_shown(value)} is not one of {rule['enum']}"
    if isinstance(value, str):
        if len(value) > rule.get("maxLength", 65_535):
            return f"{_shown(value)} is too long"
        if "pattern" in rule and not re.fullmatch(rule["pattern"], value):
            return f"{_shown(value)} does not match {rule['pattern']!r}"
    if isinstance(value, int) and not rule.get("minimum", value) <= value <= rule.get("maximum", value):
        return f"{_shown(value)} is not between {rule['minimum']} and {rule['maximum']}"
    if isinstance(value, list):
        return next((problem for item in value if (problem := _problem(item, rule["items"]))), None)
    return None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def image_schema() -> dict[str, Any]:
    """The whole schema of an image."""
    return {
        "name": "image",
        "properties": {**WRITABLE, **READ_ONLY, **KNOWN_PROPERTIES},
        "additionalProperties": dict(_CUSTOM),
        "links": [
            {"rel": "self", "href": "{self}"},
            {"rel": "enclosure", "href": "{file}"},
            {"rel": "describedby", "href": "{schema}"},
        ],
    }

"""Metadata of volumes and of snapshots: the whole, and item by item.

From 3.15 on, a volume's metadata have an `ETag`, and a change that says `If-Match` with another one is refused (412).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import TypeAlias

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.platform.authentication import Authenticated
from services.platform.context import Context
from services.platform.faults import BadRequest, Fault, NotFound
from services.platform.http import json_body, no_content
from services.platform.microversions import Microversion, Version
from services.platform.strict_json import StrictJsonRoute
from services.platform.times import utcnow
from services.volume.api.body import Body, Metadata
from services.volume.api.parts import ApiParts, Parts
from services.volume.api.snapshot_queries import find_snapshot
from services.volume.api.volume_queries import find_volume
from services.volume.models import Snapshot, Volume

router = APIRouter(route_class=StrictJsonRoute)

Finder: TypeAlias = Callable[[Session, str, Context], Volume | Snapshot]

_FINDERS: dict[str, Finder] = {"volumes": find_volume, "snapshots": find_snapshot}


class MetadataBody(Body):
    metadata: Metadata


class MetaBody(Body):
    meta: Metadata


def _etag(metadata: dict[str, str]) -> str:
    return hashlib.md5(json.dumps(metadata, sort_keys=True).encode(), usedforsecurity=False).hexdigest()


def _finder(kind: str) -> Finder:
    if kind not in _FINDERS:
        raise NotFound("The resource could not be found.")
    return _FINDERS[kind]


def _check_match(request: Request, version: Microversion, metadata: dict[str, str]) -> None:
    wanted = request.headers.get("if-match")
    if wanted and version.minor >= 15 and wanted.strip('"') != _etag(metadata):
        fault = Fault("The metadata were changed meanwhile: read them again.")
        fault.status = 412
        raise fault


def _change(
    request: Request,
    which: tuple[str, str],
    context: Context,
    parts: ApiParts,
    version: Microversion,
    change: Callable[[dict[str, str]], dict[str, str]],
) -> dict[str, str]:
    """Change the metadata of a resource (its kind and id); returns them as they are now."""
    context.require_writer()
    kind, resource_id = which
    find = _finder(kind)

    def work(session: Session) -> dict[str, str]:
        row = find(session, resource_id, context)
        if row.status == "maintenance":
            raise BadRequest(f"Invalid volume: {resource_id} is in maintenance.")
        if kind == "volumes":
            _check_match(request, version, row.meta)
        row.meta = change(row.meta)
        row.updated_at = utcnow()
        return row.meta

    return parts.write(work)


@router.get("/{kind}/{resource_id}/metadata")
def list_metadata(kind: str, resource_id: str, context: Authenticated, parts: Parts, version: Version) -> Response:
    find = _finder(kind)
    found = parts.read(lambda session: find(session, resource_id, context)).meta
    headers = {"ETag": _etag(found)} if version.minor >= 15 and kind == "volumes" else None
    return json_body(200, {"metadata": found}, headers)


@router.post("/{kind}/{resource_id}/metadata")
def add_metadata(
    request: Request,
    kind: str,
    resource_id: str,
    body: MetadataBody,
    context: Authenticated,
    parts: Parts,
    version: Version,
) -> Response:
    added = body.metadata
    now = _change(request, (kind, resource_id), context, parts, version, lambda old: {**old, **added})
    return json_body(200, {"metadata": now})


@router.put("/{kind}/{resource_id}/metadata")
def replace_metadata(
    request: Request,
    kind: str,
    resource_id: str,
    body: MetadataBody,
    context: Authenticated,
    parts: Parts,
    version: Version,
) -> Response:
    now = _change(request, (kind, resource_id), context, parts, version, lambda _old: dict(body.metadata))
    return json_body(200, {"metadata": now})


def _refuse_missing(metadata: dict[str, str], kind: str, resource_id: str, key: str) -> None:
    if key not in metadata:
        raise NotFound(f"{kind[:-1].capitalize()} {resource_id} has no metadata with key {key}.")


@router.get("/{kind}/{resource_id}/metadata/{key:path}")
def show_metadata_item(kind: str, resource_id: str, key: str, context: Authenticated, parts: Parts) -> Response:
    find = _finder(kind)
    found = parts.read(lambda session: find(session, resource_id, context)).meta
    _refuse_missing(found, kind, resource_id, key)
    return json_body(200, {"meta": {key: found[key]}})


@router.put("/{kind}/{resource_id}/metadata/{key:path}")
def set_metadata_item(
    request: Request,
    kind: str,
    resource_id: str,
    key: str,
    body: MetaBody,
    context: Authenticated,
    parts: Parts,
    version: Version,
) -> Response:
    if key not in body.meta:
        raise BadRequest("Request body and URI mismatch")
    if len(body.meta) > 1:
        raise BadRequest("Request body contains too many items")
    _change(request, (kind, resource_id), context, parts, version, lambda old: {**old, **body.meta})
    return json_body(200, {"meta": body.meta})


@router.delete("/{kind}/{resource_id}/metadata/{key:path}")
def delete_metadata_item(
    request: Request, kind: str, resource_id: str, key: str, context: Authenticated, parts: Parts, version: Version
) -> Response:
    def without(old: dict[str, str]) -> dict[str, str]:
        _refuse_missing(old, kind, resource_id, key)
        return {name: value for name, value in old.items() if name != key}

    _change(request, (kind, resource_id), context, parts, version, without)
    return no_content(200)

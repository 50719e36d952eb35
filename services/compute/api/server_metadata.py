"""Metadata and tags of servers, and their addresses (none, until there is a network service)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.compute.api.body import Body, Metadata, MetaKey, Text255
from services.compute.api.intents import refuse_locked
from services.compute.api.links import own_url
from services.compute.api.parts import ApiParts, Parts
from services.compute.api.server_bodies import Tag
from services.compute.api.server_queries import find_server
from services.compute.models import Instance
from services.compute.quotas import limits_of
from services.platform.authentication import Authenticated
from services.platform.context import Context
from services.platform.faults import BadRequest, Forbidden, NotFound
from services.platform.http import json_body, no_content
from services.platform.microversions import Microversion, Version
from services.platform.strict_json import StrictJsonRoute

router = APIRouter(route_class=StrictJsonRoute)

MAX_TAGS = 50


class MetadataBody(Body):
    metadata: Metadata


class MetaBody(Body):
    meta: dict[MetaKey, Text255]


class TagsBody(Body):
    tags: Annotated[list[Tag], Field(max_length=MAX_TAGS)]


def _change_metadata(
    server_id: str, context: Context, parts: ApiParts, changes: dict[str, str], *, replace: bool = False
) -> dict[str, str]:
    context.require_writer()

    def work(session: Session) -> dict[str, str]:
        row = find_server(session, server_id, context)
        refuse_locked(row, context)
        merged = changes if replace else {**row.meta, **changes}
        limit = limits_of(session, row.project_id)["metadata_items"]
        if 0 <= limit < len(merged):
            raise Forbidden(f"Maximum number of metadata items exceeds {limit}")
        row.meta = merged
        return merged

    return parts.transactor.write(work)


@router.get("/servers/{server_id}/metadata")
def list_metadata(server_id: str, context: Authenticated, parts: Parts) -> Response:
    row = parts.transactor.read(lambda session: find_server(session, server_id, context))
    return json_body(200, {"metadata": row.meta})


@router.post("/servers/{server_id}/metadata")
def add_metadata(server_id: str, body: MetadataBody, context: Authenticated, parts: Parts) -> Response:
    return json_body(200, {"metadata": _change_metadata(server_id, context, parts, body.metadata)})


@router.put("/servers/{server_id}/metadata")
def replace_metadata(server_id: str, body: MetadataBody, context: Authenticated, parts: Parts) -> Response:
    return json_body(200, {"metadata": _change_metadata(server_id, context, parts, body.metadata, replace=True)})


def _item(row: Instance, key: str) -> str:
    if key not in row.meta:
        raise NotFound("Metadata item was not found")
    return row.meta[key]


@router.get("/servers/{server_id}/metadata/{key}")
def show_metadata_item(server_id: str, key: str, context: Authenticated, parts: Parts) -> Response:
    row = parts.transactor.read(lambda session: find_server(session, server_id, context))
    return json_body(200, {"meta": {key: _item(row, key)}})


@router.put("/servers/{server_id}/metadata/{key}")
def set_metadata_item(server_id: str, key: str, body: MetaBody, context: Authenticated, parts: Parts) -> Response:
    if set(body.meta) != {key}:
        raise BadRequest("Request body and URI mismatch")
    _change_metadata(server_id, context, parts, body.meta)
    return json_body(200, {"meta": body.meta})


@router.delete("/servers/{server_id}/metadata/{key}")
def delete_metadata_item(server_id: str, key: str, context: Authenticated, parts: Parts) -> Response:
    context.require_writer()

    def work(session: Session) -> None:
        row = find_server(session, server_id, context)
        refuse_locked(row, context)
        _item(row, key)
        row.meta = {name: value for name, value in row.meta.items() if name != key}

    parts.transactor.write(work)
    return no_content(204)


def _tags_are_known(version: Microversion) -> None:
    if version.minor < 26:
        raise NotFound("The resource could not be found.")


@router.get("/servers/{server_id}/tags")
def list_tags(server_id: str, context: Authenticated, parts: Parts, version: Version) -> Response:
    _tags_are_known(version)
    row = parts.transactor.read(lambda session: find_server(session, server_id, context))
    return json_body(200, {"tags": row.tags})


def _change_tags(server_id: str, context: Context, parts: ApiParts, *, add: str = "", remove: str = "") -> bool:
    """Add or remove one tag. False where it was there, or was not there, already."""
    context.require_writer()

    def work(session: Session) -> bool:
        row = find_server(session, server_id, context)
        tags = set(row.tags)
        changed = (tags | {add} if add else tags - {remove}) - {""}
        if len(changed) > MAX_TAGS:
            raise BadRequest(f"The number of tags exceeded the per-server limit {MAX_TAGS}")
        row.tags = sorted(changed)
        return changed != tags

    return parts.transactor.write(work)


@router.put("/servers/{server_id}/tags")
def replace_tags(server_id: str, body: TagsBody, context: Authenticated, parts: Parts, version: Version) -> Response:
    _tags_are_known(version)
    context.require_writer()
    tags = sorted(set(body.tags))

    def work(session: Session) -> None:
        find_server(session, server_id, context).tags = list(tags)

    parts.transactor.write(work)
    return json_body(200, {"tags": tags})


@router.delete("/servers/{server_id}/tags")
def delete_all_tags(server_id: str, context: Authenticated, parts: Parts, version: Version) -> Response:
    _tags_are_known(version)
    context.require_writer()

    def work(session: Session) -> None:
        find_server(session, server_id, context).tags = []

    parts.transactor.write(work)
    return no_content(204)


@router.get("/servers/{server_id}/tags/{tag}")
def check_tag(server_id: str, tag: str, context: Authenticated, parts: Parts, version: Version) -> Response:
    _tags_are_known(version)
    row = parts.transactor.read(lambda session: find_server(session, server_id, context))
    if tag not in row.tags:
        raise NotFound(f"Server {server_id} has no tag '{tag}'")
    return no_content(204)


@router.put("/servers/{server_id}/tags/{tag}")
def add_tag(
    request: Request, server_id: str, tag: str, context: Authenticated, parts: Parts, version: Version
) -> Response:
    _tags_are_known(version)
    if not 1 <= len(tag) <= 60 or "," in tag or "/" in tag:
        raise BadRequest(f"Tag '{tag}' is invalid: 1 to 60 characters, no comma, no slash.")
    if not _change_tags(server_id, context, parts, add=tag):
        return no_content(204)
    return no_content(201, {"Location": own_url(request)})


@router.delete("/servers/{server_id}/tags/{tag}")
def delete_tag(server_id: str, tag: str, context: Authenticated, parts: Parts, version: Version) -> Response:
    _tags_are_known(version)
    if not _change_tags(server_id, context, parts, remove=tag):
        raise NotFound(f"Server {server_id} has no tag '{tag}'")
    return no_content(204)


@router.get("/servers/{server_id}/ips")
def list_addresses(server_id: str, context: Authenticated, parts: Parts) -> Response:
    parts.transactor.read(lambda session: find_server(session, server_id, context))
    return json_body(200, {"addresses": {}})

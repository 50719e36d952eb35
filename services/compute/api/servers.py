"""Servers: list, show, create, update, delete."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.compute import topics
from services.compute.api.block_devices import disks_of, zone_for
from services.compute.api.body import since
from services.compute.api.creation import (
    Creation,
    admin_password,
    destination_of,
    refuse_what_is_not_served,
)
from services.compute.api.intents import delete
from services.compute.api.links import api_root, own_url, resource_links
from services.compute.api.parts import ApiParts, Parts
from services.compute.api.server_bodies import UPDATE_SINCE, NewServerBody, ServerChangeBody
from services.compute.api.server_queries import ServerFilter, find_server
from services.compute.api.server_views import brief, detail
from services.compute.api.zones import view_hosts
from services.compute.attachments import attachments_of, is_shown
from services.compute.hosts import HostView
from services.compute.models import Instance, VolumeAttachment
from services.platform.authentication import Authenticated
from services.platform.context import Context
from services.platform.http import json_body, no_content
from services.platform.microversions import Version
from services.platform.pagination import Page, next_link
from services.platform.strict_json import StrictJsonRoute
from services.platform.times import utcnow

router = APIRouter(route_class=StrictJsonRoute)


Volumes = dict[str, list[VolumeAttachment]]


def volumes_of(session: Session, rows: Iterable[Instance]) -> Volumes:
    """The volumes of each server, in one query."""
    found: Volumes = defaultdict(list)
    for attachment in attachments_of(session, [row.id for row in rows]):
        if is_shown(attachment):
            found[attachment.instance_id].append(attachment)
    return found


def _filter(request: Request) -> ServerFilter:
    query = dict(request.query_params)
    statuses = tuple(status for status in request.query_params.getlist("status") if status)
    return ServerFilter(query, statuses, Page.parse(query.get("limit"), query.get("marker")))


def _links(request: Request, rows: list[Instance], more: bool) -> dict[str, Any]:
    if not more or not rows:
        return {}
    return {"servers_links": [{"rel": "next", "href": next_link(own_url(request), request.url.query, rows[-1].id)}]}


@router.get("/servers")
def list_servers(request: Request, context: Authenticated, parts: Parts, version: Version) -> Response:
    wanted = _filter(request)
    found = parts.transactor.read(lambda session: wanted.select(session, context, version))
    rows, more = wanted.page.split(found)
    return json_body(200, {"servers": [brief(request, row) for row in rows]} | _links(request, list(rows), more))


@router.get("/servers/detail")
def list_servers_in_detail(request: Request, context: Authenticated, parts: Parts, version: Version) -> Response:
    wanted = _filter(request)

    def work(session: Session) -> tuple[list[Instance], dict[str, HostView], Volumes]:
        found = wanted.select(session, context, version)
        return found, {host.host: host for host in view_hosts(session, parts)}, volumes_of(session, found)

    found, hosts, volumes = parts.transactor.read(work)
    rows, more = wanted.page.split(found)
    zones, up = {name: host.zone for name, host in hosts.items()}, {name: host.up for name, host in hosts.items()}
    shown = [
        detail(request, row, version, context, zones, volumes[row.id], single=False, host_up=up.get(row.host or ""))
        for row in rows
    ]
    return json_body(200, {"servers": shown} | _links(request, list(rows), more))


def _show(request: Request, server_id: str, context: Context, parts: ApiParts, version: Version) -> dict[str, Any]:
    def work(session: Session) -> dict[str, Any]:
        row = find_server(session, server_id, context)
        hosts = {host.host: host for host in view_hosts(session, parts)} if row.host else {}
        zones = {name: host.zone for name, host in hosts.items()}
        host = hosts.get(row.host or "")
        volumes, up = volumes_of(session, [row])[row.id], host.up if host else None
        return detail(request, row, version, context, zones, volumes, single=True, host_up=up)

    return parts.transactor.read(work)


@router.get("/servers/{server_id}")
def show_server(request: Request, server_id: str, context: Authenticated, parts: Parts, version: Version) -> Response:
    return json_body(200, {"server": _show(request, server_id, context, parts, version)})


@router.post("/servers")
def create_servers(
    request: Request, body: NewServerBody, context: Authenticated, parts: Parts, version: Version
) -> Response:
    context.require_writer()
    wanted = body.server
    refuse_what_is_not_served(wanted, version)
    disks = disks_of(wanted, version, context, parts)
    hosts = parts.transactor.read(lambda session: view_hosts(session, parts))
    destination = destination_of(wanted, context, hosts, parts.settings.default_availability_zone)
    destination = replace(destination, zone=zone_for(disks, destination.zone, parts))
    creation = Creation(wanted, context, disks, destination, parts)
    rows = parts.transactor.write(creation.store)
    parts.hints.send(topics.CONDUCTOR, "advance", instance_ids=[row.id for row in rows])
    if wanted.return_reservation_id:
        return json_body(202, {"reservation_id": creation.reservation_id})
    first = rows[0]
    shown = {
        "id": first.id,
        "links": resource_links(request, "servers", first.id),
        "OS-DCF:diskConfig": first.disk_config,
        "security_groups": [{"name": group.name} for group in wanted.security_groups or []] or [{"name": "default"}],
        "adminPass": wanted.admin_pass or admin_password(),
    }
    return json_body(202, {"server": shown}, {"Location": f"{api_root(request)}/servers/{first.id}"})


@router.put("/servers/{server_id}")
def update_server(
    request: Request, server_id: str, body: ServerChangeBody, context: Authenticated, parts: Parts, version: Version
) -> Response:
    context.require_writer()
    change = body.server
    since(version, UPDATE_SINCE, change.model_fields_set)

    def work(session: Session) -> None:
        row = find_server(session, server_id, context)
        if change.name is not None:
            row.name = change.name
        if change.disk_config is not None:
            row.disk_config = change.disk_config
        if change.hostname is not None:
            row.hostname = change.hostname
        if "description" in change.model_fields_set:
            row.description = change.description
        if "access_ipv4" in change.model_fields_set:
            row.access_ipv4 = str(change.access_ipv4) if change.access_ipv4 else None
        if "access_ipv6" in change.model_fields_set:
            row.access_ipv6 = str(change.access_ipv6) if change.access_ipv6 else None
        row.updated_at = utcnow()

    parts.transactor.write(work)
    shown = _show(request, server_id, context, parts, version)
    # The answer to an update is older than the one to a show, and has less in it until 2.75.
    if version.minor < 75:
        shown = {key: value for key, value in shown.items() if not key.startswith(("OS-EXT", "os-ext", "OS-SRV"))}
        for key in ("key_name", "config_drive", "security_groups", "host_status"):
            shown.pop(key, None)
    return json_body(200, {"server": shown})


@router.delete("/servers/{server_id}")
def delete_server(server_id: str, context: Authenticated, parts: Parts) -> Response:
    delete(server_id, context, parts)
    return no_content(204)

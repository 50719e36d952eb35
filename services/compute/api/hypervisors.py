"""Hypervisors: what each host has, and what is claimed of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.compute.api.links import own_url
from services.compute.api.parts import ApiParts, Parts
from services.compute.hosts import COMPUTE_BINARY, NOTHING, Resources, is_up, usage_by_host
from services.compute.models import ComputeNode, Instance, Service
from services.platform.authentication import Authenticated
from services.platform.faults import BadRequest, NotFound
from services.platform.http import json_body
from services.platform.microversions import Microversion, Version
from services.platform.pagination import Page, flag, next_link
from services.platform.strict_json import StrictJsonRoute
from services.platform.times import utcnow

router = APIRouter(route_class=StrictJsonRoute)


@dataclass(frozen=True, slots=True)
class _Hypervisor:
    node: ComputeNode
    service: Service
    used: Resources
    running: int
    up: bool
    servers: list[dict[str, str]]


def _load(session: Session, parts: ApiParts) -> list[_Hypervisor]:
    now = utcnow()
    used = usage_by_host(session)
    servers: dict[str, list[dict[str, str]]] = {}
    for row in session.scalars(select(Instance).where(Instance.deleted.is_(False), Instance.host.is_not(None))):
        servers.setdefault(row.host or "", []).append({"name": row.name, "uuid": row.id})
    rows = session.execute(
        select(ComputeNode, Service)
        .join(Service, (Service.host == ComputeNode.host) & (Service.binary == COMPUTE_BINARY))
        .order_by(ComputeNode.host)
    )
    return [
        _Hypervisor(
            node,
            service,
            *used.get(node.host, (NOTHING, 0)),
            is_up(service.last_seen_at, service.forced_down, now, parts.settings.down_after_seconds),
            servers.get(node.host, []),
        )
        for node, service in rows
    ]


def _brief(item: _Hypervisor, version: Microversion) -> dict[str, Any]:
    return {
        "id": item.node.uuid if version.minor >= 53 else item.node.id,
        "hypervisor_hostname": item.node.host,
        "state": "up" if item.up else "down",
        "status": "disabled" if item.service.disabled else "enabled",
    }


def _amounts(item: _Hypervisor, version: Microversion) -> dict[str, Any]:
    """What microversion 2.88 removed from here in favour of placement."""
    node, used = item.node, item.used
    return {
        "cpu_info": {} if version.minor >= 28 else "",
        "current_workload": 0,
        "disk_available_least": node.disk_gb - used.disk_gb,
        "free_disk_gb": node.disk_gb - used.disk_gb,
        "free_ram_mb": node.memory_mb - used.memory_mb,
        "local_gb": node.disk_gb,
        "local_gb_used": used.disk_gb,
        "memory_mb": node.memory_mb,
        "memory_mb_used": used.memory_mb,
        "running_vms": item.running,
        "vcpus": node.vcpus,
        "vcpus_used": used.vcpus,
    }


def _detail(item: _Hypervisor, version: Microversion, *, with_servers: bool) -> dict[str, Any]:
    shown = _brief(item, version) | {
        "host_ip": item.node.host_ip,
        "hypervisor_type": item.node.hypervisor_type,
        "hypervisor_version": 1,
        "service": {
            "id": item.service.uuid if version.minor >= 53 else item.service.id,
            "host": item.service.host,
            "disabled_reason": item.service.disabled_reason,
        },
    }
    if version.minor < 88:
        shown |= _amounts(item, version)
    else:
        shown["uptime"] = None
    if with_servers and version.minor >= 53 and (item.servers or version.minor >= 75):
        shown["servers"] = item.servers
    return shown


def _chosen(request: Request, version: Microversion, items: list[_Hypervisor]) -> list[_Hypervisor]:
    pattern = request.query_params.get("hypervisor_hostname_pattern")
    if pattern is None or version.minor < 53:
        return items
    found = [item for item in items if pattern in item.node.host]
    if not found:
        raise NotFound(f"No hypervisor matching '{pattern}' could be found.")
    return found


def _listing(request: Request, parts: ApiParts, version: Microversion, *, detail: bool) -> Response:
    items = _chosen(request, version, parts.transactor.read(lambda session: _load(session, parts)))
    with_servers = bool(flag(request.query_params.get("with_servers"))) and version.minor >= 53
    page = Page.parse(request.query_params.get("limit"), request.query_params.get("marker"))
    if version.minor < 33:
        page = Page(len(items), None)
    ids = [str(_brief(item, version)["id"]) for item in items]
    if page.marker is not None:
        if page.marker not in ids:
            raise BadRequest(f"marker [{page.marker}] not found")
        items = items[ids.index(page.marker) + 1 :]
    kept, more = page.split(items)
    shown = []
    for item in kept:
        entry = _detail(item, version, with_servers=with_servers) if detail else _brief(item, version)
        if with_servers and not detail and item.servers:
            entry["servers"] = item.servers
        shown.append(entry)
    body: dict[str, Any] = {"hypervisors": shown}
    if more and shown:
        link = next_link(own_url(request), request.url.query, str(shown[-1]["id"]))
        body["hypervisors_links"] = [{"rel": "next", "href": link}]
    return json_body(200, body)


@router.get("/os-hypervisors")
def list_hypervisors(request: Request, context: Authenticated, parts: Parts, version: Version) -> Response:
    context.require_admin()
    return _listing(request, parts, version, detail=False)


@router.get("/os-hypervisors/detail")
def list_hypervisors_in_detail(request: Request, context: Authenticated, parts: Parts, version: Version) -> Response:
    context.require_admin()
    return _listing(request, parts, version, detail=True)


@router.get("/os-hypervisors/statistics")
def show_statistics(context: Authenticated, parts: Parts, version: Version) -> Response:
    if version.minor >= 88:
        raise NotFound("The resource could not be found.")
    context.require_admin()
    items = parts.transactor.read(lambda session: _load(session, parts))
    counted = [_amounts(item, version) for item in items if not item.service.disabled]
    total = {name: sum(amounts[name] for amounts in counted) for name in (counted[0] if counted else {})}
    total.pop("cpu_info", None)
    names = ("current_workload", "disk_available_least", "free_disk_gb", "free_ram_mb", "local_gb", "local_gb_used",
             "memory_mb", "memory_mb_used", "running_vms", "vcpus", "vcpus_used")  # fmt: skip
    return json_body(
        200, {"hypervisor_statistics": {"count": len(counted)} | {name: total.get(name, 0) for name in names}}
    )


def _one(parts: ApiParts, version: Microversion, hypervisor_id: str) -> _Hypervisor:
    for item in parts.transactor.read(lambda session: _load(session, parts)):
        if hypervisor_id == (item.node.uuid if version.minor >= 53 else str(item.node.id)):
            return item
    raise NotFound(f"Hypervisor with ID '{hypervisor_id}' could not be found.")


@router.get("/os-hypervisors/{hypervisor_id}")
def show_hypervisor(
    request: Request, hypervisor_id: str, context: Authenticated, parts: Parts, version: Version
) -> Response:
    context.require_admin()
    item = _one(parts, version, hypervisor_id)
    with_servers = bool(flag(request.query_params.get("with_servers")))
    return json_body(200, {"hypervisor": _detail(item, version, with_servers=with_servers)})


@router.get("/os-hypervisors/{hypervisor_id}/uptime")
def show_uptime(hypervisor_id: str, context: Authenticated, parts: Parts, version: Version) -> Response:
    if version.minor >= 88:
        raise NotFound("The resource could not be found.")
    context.require_admin()
    item = _one(parts, version, hypervisor_id)
    return json_body(200, {"hypervisor": _brief(item, version) | {"uptime": None}})

"""The replicas of the volume service as services and hosts, the pool that they serve, and what it can do."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.platform.authentication import Authenticated
from services.platform.faults import BadRequest, NotFound
from services.platform.http import json_body
from services.platform.microversions import Microversion, Version
from services.platform.pagination import flag
from services.platform.strict_json import StrictJsonRoute
from services.platform.times import utcnow
from services.volume.api.body import Body, Name, Text255
from services.volume.api.parts import ApiParts, Parts
from services.volume.api.volume_views import moment
from services.volume.capabilities import CAPABILITIES
from services.volume.liveness import BINARY, CLUSTER, POOL, is_up
from services.volume.models import Service, Snapshot, Volume

router = APIRouter(route_class=StrictJsonRoute)


class ServiceChange(Body):
    host: Text255 | None = None
    cluster: Text255 | None = None
    binary: Text255 | None = None
    service: Text255 | None = None
    disabled_reason: Name | None = None


class HostChange(Body):
    status: str


def _rows(session: Session) -> list[Service]:
    return list(session.scalars(select(Service).order_by(Service.binary, Service.host)))


def _up(row: Service, parts: ApiParts) -> bool:
    return is_up(row.last_seen_at, utcnow(), parts.settings.down_after_seconds)


def _view(row: Service, parts: ApiParts, version: Microversion) -> dict[str, Any]:
    up = _up(row, parts)
    shown: dict[str, Any] = {
        "binary": row.binary,
        "host": row.host,
        "zone": parts.settings.availability_zone,
        "status": "disabled" if row.disabled else "enabled",
        "state": "up" if up else "down",
        "updated_at": moment(row.last_seen_at),
        "disabled_reason": row.disabled_reason,
        "replication_status": "not-capable",
        "active_backend_id": None,
        "frozen": False,
    }
    if version.minor >= 7:
        shown["cluster"] = CLUSTER
    if version.minor >= 49:
        shown["backend_state"] = "up" if up else "down"
    return shown


@router.get("/os-services")
def list_services(request: Request, context: Authenticated, parts: Parts, version: Version) -> Response:
    context.require_admin()
    host, binary = request.query_params.get("host"), request.query_params.get("binary")
    rows = parts.read(_rows)
    chosen = [row for row in rows if host in (None, "", row.host, row.host.split("@")[0])]
    chosen = [row for row in chosen if binary in (None, "", row.binary)]
    return json_body(200, {"services": [_view(row, parts, version) for row in chosen]})


@router.put("/os-services/{verb}")
def change_service(verb: str, body: ServiceChange, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()
    if verb in ("freeze", "thaw", "failover_host"):
        raise BadRequest(
            f"Invalid input received: no replica holds anything of its own to {verb.removesuffix('_host')}."
        )
    if verb not in ("enable", "disable", "disable-log-reason"):
        raise NotFound("Unknown action")
    binary = body.binary or body.service
    if not body.host:
        raise BadRequest("Missing required element 'host' in request body.")
    if not binary:
        raise BadRequest("Missing required element 'service' in request body.")
    if verb == "disable-log-reason" and body.disabled_reason is None:
        raise BadRequest("Disabled reason contains invalid characters or is too long")

    def work(session: Session) -> None:
        row = session.scalar(select(Service).where(Service.host == body.host, Service.binary == binary))
        if row is None:
            raise NotFound(f"Service {binary} could not be found on host {body.host}.")
        row.disabled = verb != "enable"
        row.disabled_reason = body.disabled_reason if verb == "disable-log-reason" else None

    parts.write(work)
    shown: dict[str, Any] = {
        "host": body.host,
        "service": binary,
        "binary": binary,
        "disabled": verb != "enable",
        "status": "enabled" if verb == "enable" else "disabled",
    }
    if verb != "disable":
        shown["disabled_reason"] = body.disabled_reason if verb == "disable-log-reason" else None
    return json_body(200, shown)


@router.get("/os-hosts")
def list_hosts(request: Request, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()
    zone = parts.settings.availability_zone
    rows = parts.read(_rows) if request.query_params.get("zone") in (None, "", zone) else []
    shown = [
        {
            "host_name": row.host,
            "service": row.binary,
            "zone": zone,
            "service-status": "available" if _up(row, parts) else "unavailable",
            "service-state": "disabled" if row.disabled else "enabled",
            "last-update": moment(row.last_seen_at),
        }
        for row in rows
    ]
    return json_body(200, {"hosts": shown})


def _find_host(session: Session, name: str) -> Service:
    row = session.scalar(select(Service).where(Service.host == name, Service.binary == BINARY))
    if row is None:
        raise NotFound(f"Host {name} could not be found.")
    return row


@router.get("/os-hosts/{name}")
def show_host(name: str, context: Authenticated, parts: Parts) -> Response:
    """What is in the store, by project. Every replica serves all of it."""
    context.require_admin()

    def work(session: Session) -> list[dict[str, Any]]:
        _find_host(session, name)
        counted: dict[str, list[int]] = {}
        for place, model in ((0, Volume), (2, Snapshot)):
            sums = select(model.project_id, func.count(), func.coalesce(func.sum(model.size), 0))
            for project_id, count, size in session.execute(
                sums.where(model.deleted.is_(False)).group_by(model.project_id)
            ):
                counted.setdefault(project_id, [0, 0, 0, 0])[place : place + 2] = [count, int(size)]
        total = [sum(column) for column in zip(*counted.values(), strict=True)] or [0, 0, 0, 0]
        return [_resource(name, "(total)", total), *(_resource(name, key, counted[key]) for key in sorted(counted))]

    return json_body(200, {"host": [{"resource": one} for one in parts.read(work)]})


def _resource(host: str, project: str, numbers: list[int]) -> dict[str, str]:
    keys = ("volume_count", "total_volume_gb", "snapshot_count", "total_snapshot_gb")
    return {"host": host, "project": project} | {key: str(one) for key, one in zip(keys, numbers, strict=True)}


@router.put("/os-hosts/{name}")
def change_host(name: str, body: HostChange, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()
    wanted = body.status.lower().strip()
    if wanted not in ("enable", "disable"):
        raise BadRequest(f"Invalid status: '{body.status[:50]}'")

    def work(session: Session) -> None:
        _find_host(session, name).disabled = wanted == "disable"

    parts.write(work)
    return json_body(200, {"host": name, "status": f"{wanted}d"})


def _capabilities(session: Session) -> dict[str, Any]:
    """Thin provisioning has no end of its own: the store's operators watch the room."""
    now = utcnow()
    allocated = session.scalar(select(func.coalesce(func.sum(Volume.size), 0)).where(Volume.deleted.is_(False)))
    return {
        **CAPABILITIES,
        "allocated_capacity_gb": int(allocated or 0),
        "provisioned_capacity_gb": int(allocated or 0),
        "timestamp": now.isoformat(),
        "updated": now.isoformat(),
    }


@router.get("/scheduler-stats/get_pools")
def list_pools(request: Request, context: Authenticated, parts: Parts, version: Version) -> Response:
    context.require_admin()
    name = request.query_params.get("name") if version.minor >= 28 else None
    if name not in (None, "", POOL):
        return json_body(200, {"pools": []})
    shown: dict[str, Any] = {"name": POOL}
    if flag(request.query_params.get("detail")):
        shown["capabilities"] = parts.read(_capabilities)
    return json_body(200, {"pools": [shown]})


@router.get("/capabilities/{host}")
def show_capabilities(host: str, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()
    if host not in (CLUSTER, POOL) and host not in {row.host for row in parts.read(_rows)}:
        raise NotFound(f"Can't find service: {host}")
    return json_body(200, {
        "namespace": f"OS::Storage::Capabilities::{host}",
        "vendor_name": CAPABILITIES["vendor_name"],
        "volume_backend_name": CAPABILITIES["volume_backend_name"],
        "pool_name": POOL.rpartition("#")[2],
        "driver_version": CAPABILITIES["driver_version"],
        "storage_protocol": CAPABILITIES["storage_protocol"],
        "display_name": None,
        "description": None,
        "visibility": None,
        "replication_targets": [],
        "properties": {
            "thin_provisioning": {
                "title": "Thin Provisioning", "description": "Sets thin provisioning.", "type": "boolean",
            },
        },
    })  # fmt: skip


@router.get("/clusters")
@router.get("/clusters/detail")
def list_clusters(context: Authenticated, parts: Parts, version: Version) -> Response:
    context.require_admin()
    if version.minor < 7:
        raise NotFound("The resource could not be found.")
    rows = parts.read(_rows)
    up = [_up(row, parts) for row in rows]
    cluster = {
        "name": CLUSTER,
        "binary": BINARY,
        "state": "up" if any(up) else "down",
        "status": "disabled" if rows and all(row.disabled for row in rows) else "enabled",
        "num_hosts": len(rows),
        "num_down_hosts": up.count(False),
        "last_heartbeat": moment(max((row.last_seen_at for row in rows if row.last_seen_at), default=None)),
        "created_at": None,
        "updated_at": None,
        "disabled_reason": None,
        "replication_status": "not-capable",
        "frozen": False,
        "active_backend_id": None,
    }
    return json_body(200, {"clusters": [cluster] if rows else []})

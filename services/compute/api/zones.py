"""Availability zones as users and administrators see them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.compute.api.parts import ApiParts, Parts
from services.compute.hosts import COMPUTE_BINARY, HostView, is_up, load_hosts
from services.compute.models import Service
from services.platform.authentication import Authenticated
from services.platform.http import json_body
from services.platform.strict_json import StrictJsonRoute
from services.platform.times import utcnow

router = APIRouter(route_class=StrictJsonRoute)

INTERNAL_ZONE = "internal"


def view_hosts(session: Session, parts: ApiParts) -> list[HostView]:
    """All hosts as the scheduler sees them now."""
    settings = parts.settings
    return load_hosts(
        session, utcnow(), down_after=settings.down_after_seconds, default_zone=settings.default_availability_zone
    )


def zones_of(hosts: list[HostView], default_zone: str) -> dict[str, bool]:
    """Each zone's name and whether it is available: whether one of its hosts is enabled."""
    zones: dict[str, bool] = {}
    for host in hosts:
        zones[host.zone] = zones.get(host.zone, False) or host.enabled
    return zones or {default_zone: False}


@router.get("/os-availability-zone")
def list_zones(context: Authenticated, parts: Parts) -> Response:
    hosts = parts.transactor.read(lambda session: view_hosts(session, parts))
    zones = zones_of(hosts, parts.settings.default_availability_zone)
    shown = [
        {"zoneName": name, "zoneState": {"available": available}, "hosts": None}
        for name, available in sorted(zones.items())
    ]
    return json_body(200, {"availabilityZoneInfo": shown})


@router.get("/os-availability-zone/detail")
def list_zones_in_detail(context: Authenticated, parts: Parts) -> Response:
    context.require_admin()

    def work(session: Session) -> tuple[list[HostView], list[Service]]:
        return view_hosts(session, parts), list(session.scalars(select(Service).order_by(Service.id)))

    hosts, services = parts.transactor.read(work)
    zone_of_host = {host.host: host.zone for host in hosts}
    now = utcnow()
    shown: dict[str, dict[str, dict[str, Any]]] = {INTERNAL_ZONE: {}}
    for service in services:
        is_compute = service.binary == COMPUTE_BINARY
        zone = zone_of_host.get(service.host, parts.settings.default_availability_zone) if is_compute else INTERNAL_ZONE
        up = is_up(service.last_seen_at, service.forced_down, now, parts.settings.down_after_seconds)
        state = {
            "available": not service.disabled,
            "active": up,
            "updated_at": service.last_seen_at.isoformat(timespec="microseconds") if service.last_seen_at else None,
        }
        shown.setdefault(zone, {}).setdefault(service.host, {})[service.binary] = state
    available = zones_of(hosts, parts.settings.default_availability_zone) | {INTERNAL_ZONE: True}
    body = [
        {"zoneName": name, "zoneState": {"available": available.get(name, False)}, "hosts": members}
        for name, members in sorted(shown.items())
    ]
    return json_body(200, {"availabilityZoneInfo": body})

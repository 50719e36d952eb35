"""The compute services and whether they live; enabling and disabling them."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Request
from pydantic import Field, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.compute.api.body import Body, Flag
from services.compute.api.parts import ApiParts, Parts
from services.compute.api.zones import INTERNAL_ZONE, view_hosts
from services.compute.hosts import COMPUTE_BINARY, is_up
from services.compute.liveness import find_service
from services.compute.models import ComputeNode, Instance, Service
from services.platform.authentication import Authenticated
from services.platform.faults import BadRequest, Conflict, NotFound
from services.platform.http import json_body, no_content
from services.platform.microversions import Microversion, Version
from services.platform.strict_json import StrictJsonRoute
from services.platform.times import utcnow

router = APIRouter(route_class=StrictJsonRoute)

B = TypeVar("B", bound=Body)

Reason = Annotated[str, Field(min_length=1, max_length=255)]


class ServiceChange(Body):
    status: Annotated[str | None, Field(pattern="^(enabled|disabled)$")] = None
    disabled_reason: Reason | None = None
    forced_down: Flag | None = None


class OldServiceChange(Body):
    """Before 2.53 the verb is in the address and the service in the body."""

    host: Annotated[str, Field(min_length=1, max_length=255)]
    binary: Annotated[str, Field(min_length=1, max_length=255)]
    disabled_reason: Reason | None = None
    forced_down: Flag | None = None


def _view(service: Service, zone: str, version: Microversion, parts: ApiParts) -> dict[str, Any]:
    up = is_up(service.last_seen_at, service.forced_down, utcnow(), parts.settings.down_after_seconds)
    shown: dict[str, Any] = {
        "id": service.uuid if version.minor >= 53 else service.id,
        "binary": service.binary,
        "host": service.host,
        "zone": zone,
        "status": "disabled" if service.disabled else "enabled",
        "state": "up" if up else "down",
        "updated_at": service.last_seen_at.isoformat(timespec="microseconds") if service.last_seen_at else None,
        "disabled_reason": service.disabled_reason,
    }
    if version.minor >= 11:
        shown["forced_down"] = service.forced_down
    return shown


def _zone(session: Session, service: Service, parts: ApiParts) -> str:
    if service.binary != COMPUTE_BINARY:
        return INTERNAL_ZONE
    zones = {host.host: host.zone for host in view_hosts(session, parts)}
    return zones.get(service.host, parts.settings.default_availability_zone)


@router.get("/os-services")
def list_services(request: Request, context: Authenticated, parts: Parts, version: Version) -> Response:
    context.require_admin()
    binary, host = request.query_params.get("binary"), request.query_params.get("host")

    def work(session: Session) -> list[dict[str, Any]]:
        zones = {view.host: view.zone for view in view_hosts(session, parts)}
        chosen = select(Service).order_by(Service.id)
        if binary:
            chosen = chosen.where(Service.binary == binary)
        if host:
            chosen = chosen.where(Service.host == host)
        return [
            _view(
                service,
                zones.get(service.host, parts.settings.default_availability_zone)
                if service.binary == COMPUTE_BINARY
                else INTERNAL_ZONE,
                version,
                parts,
            )
            for service in session.scalars(chosen)
        ]

    return json_body(200, {"services": parts.transactor.read(work)})


def _find(session: Session, service_id: str) -> Service:
    service = session.scalar(select(Service).where(Service.uuid == service_id))
    if service is None:
        raise NotFound(f"Service {service_id} could not be found.")
    return service


@router.put("/os-services/{service_id}")
def update_service(
    service_id: str, body: dict[str, Any], context: Authenticated, parts: Parts, version: Version
) -> Response:
    context.require_admin()
    if version.minor < 53:
        return _update_the_old_way(service_id, _parse(OldServiceChange, body), parts, version)
    change = _parse(ServiceChange, body)
    if not change.model_fields_set:
        raise BadRequest("Give status, disabled_reason or forced_down.")
    if change.disabled_reason is not None and change.status != "disabled":
        raise BadRequest("Specifying 'disabled_reason' requires that 'status' is 'disabled'.")

    def work(session: Session) -> dict[str, Any]:
        service = _find(session, service_id)
        if service.binary != COMPUTE_BINARY:
            raise BadRequest(f"Updating a {service.binary} service is not supported. Must be a nova-compute service.")
        if change.status is not None:
            service.disabled = change.status == "disabled"
            service.disabled_reason = change.disabled_reason if service.disabled else None
        if change.forced_down is not None:
            service.forced_down = change.forced_down
        return _view(service, _zone(session, service, parts), version, parts)

    return json_body(200, {"service": parts.transactor.write(work)})


def _parse(kind: type[B], body: dict[str, Any]) -> B:
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise BadRequest(f"Invalid input for field/attribute {where}. {problem['msg']}") from None


def _update_the_old_way(verb: str, change: OldServiceChange, parts: ApiParts, version: Microversion) -> Response:
    if verb not in ("enable", "disable", "disable-log-reason", "force-down"):
        raise NotFound(f"Unknown action {verb}")
    if verb == "disable-log-reason" and change.disabled_reason is None:
        raise BadRequest("Missing disabled reason field")
    if verb == "force-down" and (version.minor < 11 or change.forced_down is None):
        raise BadRequest("force-down needs microversion 2.11 and forced_down in the body.")

    def work(session: Session) -> dict[str, Any]:
        service = find_service(session, change.binary, change.host)
        if service is None:
            raise NotFound(f"Could not find binary {change.binary} on host {change.host}.")
        shown: dict[str, Any] = {"host": service.host, "binary": service.binary}
        if verb == "force-down":
            service.forced_down = bool(change.forced_down)
            return shown | {"forced_down": service.forced_down}
        service.disabled = verb != "enable"
        service.disabled_reason = change.disabled_reason if verb == "disable-log-reason" else None
        shown["status"] = "disabled" if service.disabled else "enabled"
        return shown | ({"disabled_reason": service.disabled_reason} if verb == "disable-log-reason" else {})

    return json_body(200, {"service": parts.transactor.write(work)})


@router.delete("/os-services/{service_id}")
def delete_service(service_id: str, context: Authenticated, parts: Parts, version: Version) -> Response:
    context.require_admin()

    def work(session: Session) -> None:
        service = _find(session, service_id)
        if service.binary == COMPUTE_BINARY:
            held = session.scalar(
                select(Instance.id).where(Instance.host == service.host, Instance.deleted.is_(False)).limit(1)
            )
            if held is not None:
                raise Conflict(f"Unable to delete compute service that is hosting instances, {held} among them.")
            node = session.get(ComputeNode, service.host)
            if node is not None:
                session.delete(node)
        session.delete(service)

    parts.transactor.write(work)
    return no_content(204)

"""`/v3/services`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.identity.api.common import Body, Call, CallDep, create, get_row, merged, once, v3_router
from services.identity.api.lists import answer_list, filtered
from services.identity.api.options import LongName
from services.identity.models import Service
from services.platform.http import json_body, no_content

router = v3_router()


class NewService(Body):
    type: LongName
    name: LongName | None = None
    description: str | None = None
    enabled: bool = True


class NewServiceBody(Body):
    service: NewService


class ChangedService(Body):
    type: LongName | None = None
    name: LongName | None = None
    description: str | None = None
    enabled: bool | None = None


class ChangedServiceBody(Body):
    service: ChangedService


def render(call: Call, row: Service) -> dict[str, Any]:
    body = {
        **row.extra,
        "id": row.id,
        "type": row.type,
        "name": row.name or "",
        "enabled": row.enabled,
        "links": call.links(f"services/{row.id}"),
    }
    if row.description is not None:
        body["description"] = row.description
    return body


@router.post("/services")
def create_service(body: NewServiceBody, call: CallDep) -> Response:
    call.require_admin("create_service")
    new, key = body.service, call.new_id("service")

    def build(_session: Session) -> Service:
        return Service(
            id=key, type=new.type, name=new.name, description=new.description, enabled=new.enabled, extra=new.extras
        )

    row = create(call, Service, key, build, "service")
    call.identity.reference.forget()
    return json_body(201, {"service": render(call, row)})


@router.get("/services")
def list_services(call: CallDep) -> Response:
    call.require_reader("list_services")
    filters = {"name": Service.name, "type": Service.type, "enabled": Service.enabled}
    statement = filtered(call, select(Service), filters)
    return answer_list(call, "services", statement, Service.id, lambda row: render(call, row))


@router.get("/services/{service_id}")
def show_service(service_id: str, call: CallDep) -> Response:
    call.require_reader("get_service")
    row = call.read(lambda session: get_row(session, Service, service_id, "service"))
    return json_body(200, {"service": render(call, row)})


@router.patch("/services/{service_id}")
def update_service(service_id: str, body: ChangedServiceBody, call: CallDep) -> Response:
    call.require_admin("update_service")
    new = body.service

    def work(session: Session) -> Service:
        row = get_row(session, Service, service_id, "service")
        row.type = row.type if new.type is None else new.type
        row.enabled = row.enabled if new.enabled is None else new.enabled
        if "name" in new.given:
            row.name = new.name
        if "description" in new.given:
            row.description = new.description
        row.extra = merged(row.extra, new.extras)
        return row

    answer = json_body(200, {"service": render(call, call.write(work))})
    call.identity.reference.forget()
    return answer


@router.delete("/services/{service_id}")
def delete_service(service_id: str, call: CallDep) -> Response:
    """With its endpoints."""
    call.require_admin("delete_service")
    once(call, lambda session: session.delete(get_row(session, Service, service_id, "service")))
    call.identity.reference.forget()
    return no_content()

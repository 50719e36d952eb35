"""`/v3/endpoints`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.identity.api.common import Body, Call, CallDep, create, get_row, merged, once, v3_router
from services.identity.api.lists import answer_list, filtered
from services.identity.api.options import IdText
from services.identity.api.regions import RegionId
from services.identity.catalog import unknown_placeholder
from services.identity.models import Endpoint, Region, Service
from services.platform.faults import BadRequest, NotFound
from services.platform.http import json_body, no_content

router = v3_router()

Interface = Literal["public", "internal", "admin"]
Url = Annotated[str, Field(min_length=1, max_length=4096)]


class NewEndpoint(Body):
    service_id: IdText
    interface: Interface
    url: Url
    region_id: RegionId | None = None
    #: The older name of `region_id`: a region of that id is made where there is none.
    region: RegionId | None = None
    enabled: bool = True


class NewEndpointBody(Body):
    endpoint: NewEndpoint


class ChangedEndpoint(Body):
    service_id: IdText | None = None
    interface: Interface | None = None
    url: Url | None = None
    region_id: RegionId | None = None
    region: RegionId | None = None
    enabled: bool | None = None


class ChangedEndpointBody(Body):
    endpoint: ChangedEndpoint


def render(call: Call, row: Endpoint) -> dict[str, Any]:
    return {
        **row.extra,
        "id": row.id,
        "interface": row.interface,
        "service_id": row.service_id,
        "region": row.region_id,
        "region_id": row.region_id,
        "url": row.url,
        "enabled": row.enabled,
        "links": call.links(f"endpoints/{row.id}"),
    }


def _check(session: Session, new: NewEndpoint | ChangedEndpoint) -> str | None:
    """The region's id. Raises BadRequest for what does not exist, as Keystone does here."""
    if new.service_id is not None and session.get(Service, new.service_id) is None:
        raise BadRequest(f"Could not find service: {new.service_id}.")
    if new.url is not None and (unknown := unknown_placeholder(new.url)) is not None:
        raise BadRequest(f"Invalid endpoint URL: nothing is known to put in the place of {unknown}.")
    if new.region_id is not None and session.get(Region, new.region_id) is None:
        raise BadRequest(f"Could not find region: {new.region_id}.")
    if new.region_id is None and new.region is not None and session.get(Region, new.region) is None:
        session.add(Region(id=new.region, description="", parent_region_id=None, extra={}))
        session.flush()
    return new.region_id if new.region_id is not None else new.region


@router.post("/endpoints")
def create_endpoint(body: NewEndpointBody, call: CallDep) -> Response:
    call.require_admin("create_endpoint")
    new, key = body.endpoint, call.new_id("endpoint")

    def build(session: Session) -> Endpoint:
        return Endpoint(
            id=key, service_id=new.service_id, region_id=_check(session, new), interface=new.interface, url=new.url,
            enabled=new.enabled, extra=new.extras,
        )  # fmt: skip

    row = create(call, Endpoint, key, build, "endpoint")
    call.identity.reference.forget()
    return json_body(201, {"endpoint": render(call, row)})


@router.get("/endpoints")
def list_endpoints(call: CallDep) -> Response:
    call.require_reader("list_endpoints")
    filters = {
        "interface": Endpoint.interface,
        "service_id": Endpoint.service_id,
        "region_id": Endpoint.region_id,
        "region": Endpoint.region_id,
        "enabled": Endpoint.enabled,
    }
    statement = filtered(call, select(Endpoint), filters)
    return answer_list(call, "endpoints", statement, Endpoint.id, lambda row: render(call, row))


@router.get("/endpoints/{endpoint_id}")
def show_endpoint(endpoint_id: str, call: CallDep) -> Response:
    call.require_reader("get_endpoint")
    row = call.read(lambda session: get_row(session, Endpoint, endpoint_id, "endpoint"))
    return json_body(200, {"endpoint": render(call, row)})


@router.patch("/endpoints/{endpoint_id}")
def update_endpoint(endpoint_id: str, body: ChangedEndpointBody, call: CallDep) -> Response:
    call.require_admin("update_endpoint")
    new = body.endpoint

    def work(session: Session) -> Endpoint:
        row = session.get(Endpoint, endpoint_id)
        if row is None:
            raise NotFound(f"Could not find endpoint: {endpoint_id}.")
        region_id = _check(session, new)
        if new.given.keys() & {"region", "region_id"}:
            row.region_id = region_id
        row.service_id = row.service_id if new.service_id is None else new.service_id
        row.interface = row.interface if new.interface is None else new.interface
        row.url = row.url if new.url is None else new.url
        row.enabled = row.enabled if new.enabled is None else new.enabled
        row.extra = merged(row.extra, new.extras)
        return row

    answer = json_body(200, {"endpoint": render(call, call.write(work))})
    call.identity.reference.forget()
    return answer


@router.delete("/endpoints/{endpoint_id}")
def delete_endpoint(endpoint_id: str, call: CallDep) -> Response:
    call.require_admin("delete_endpoint")
    once(call, lambda session: session.delete(get_row(session, Endpoint, endpoint_id, "endpoint")))
    call.identity.reference.forget()
    return no_content()

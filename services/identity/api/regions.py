"""`/v3/regions`. Everybody may read them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import exists, select
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.identity.api.common import Body, Call, CallDep, change, create, get_row, merged, once, v3_router
from services.identity.api.lists import answer_list, filtered
from services.identity.models import Endpoint, Region
from services.platform.faults import BadRequest, Conflict, Forbidden
from services.platform.http import json_body, no_content

router = v3_router()

RegionId = Annotated[str, Field(max_length=255)]


class NewRegion(Body):
    id: RegionId | None = None
    description: str | None = None
    parent_region_id: RegionId | None = None


class NewRegionBody(Body):
    region: NewRegion


class ChangedRegion(Body):
    description: str | None = None
    parent_region_id: RegionId | None = None


class ChangedRegionBody(Body):
    region: ChangedRegion


def render(call: Call, row: Region) -> dict[str, Any]:
    return {
        **row.extra,
        "id": row.id,
        "description": row.description,
        "parent_region_id": row.parent_region_id,
        "links": call.links(f"regions/{row.id}"),
    }


def _create(call: Call, new: NewRegion, key: str) -> Response:
    call.require_admin("create_region")

    def build(session: Session) -> Region:
        if new.parent_region_id is not None:
            get_row(session, Region, new.parent_region_id, "region")
        return Region(
            id=key, description=new.description or "", parent_region_id=new.parent_region_id, extra=new.extras
        )

    made_here = new.id is None
    if not made_here and call.read(lambda session: session.get(Region, key)) is not None:
        raise Conflict(f"Conflict occurred attempting to store region - Duplicate ID, {key}.")
    row = create(call, Region, key, build, f"region - Duplicate ID, {key}.")
    return json_body(201, {"region": render(call, row)})


@router.post("/regions")
def create_region(body: NewRegionBody, call: CallDep) -> Response:
    return _create(call, body.region, body.region.id or call.new_id("region"))


@router.put("/regions/{region_id}")
def create_region_with_id(region_id: RegionId, body: NewRegionBody, call: CallDep) -> Response:
    if body.region.id not in (None, region_id):
        raise BadRequest(f'Conflicting region IDs specified: "{region_id}" != "{body.region.id}"')
    return _create(call, body.region.model_copy(update={"id": region_id}), region_id)


@router.get("/regions")
def list_regions(call: CallDep) -> Response:
    statement = filtered(call, select(Region), {"parent_region_id": Region.parent_region_id})
    return answer_list(call, "regions", statement, Region.id, lambda row: render(call, row))


@router.get("/regions/{region_id}")
def show_region(region_id: str, call: CallDep) -> Response:
    row = call.read(lambda session: get_row(session, Region, region_id, "region"))
    return json_body(200, {"region": render(call, row)})


@router.patch("/regions/{region_id}")
def update_region(region_id: str, body: ChangedRegionBody, call: CallDep) -> Response:
    call.require_admin("update_region")
    new = body.region

    def work(session: Session) -> Region:
        row = get_row(session, Region, region_id, "region")
        if "description" in new.given:
            row.description = new.description or ""
        if "parent_region_id" in new.given:
            _check_parent(session, region_id, new.parent_region_id)
            row.parent_region_id = new.parent_region_id
        row.extra = merged(row.extra, new.extras)
        return row

    return json_body(200, {"region": render(call, change(call, work, "region"))})


def _check_parent(session: Session, region_id: str, parent_id: str | None) -> None:
    """Raises Forbidden where the region would come to be below itself."""
    while parent_id is not None:
        if parent_id == region_id:
            raise Forbidden("A region cannot be below itself.")
        parent_id = get_row(session, Region, parent_id, "region").parent_region_id


@router.delete("/regions/{region_id}")
def delete_region(region_id: str, call: CallDep) -> Response:
    call.require_admin("delete_region")

    def work(session: Session) -> None:
        row = get_row(session, Region, region_id, "region")
        for used in (Endpoint.region_id == region_id, Region.parent_region_id == region_id):
            if session.scalar(select(exists().where(used))):
                raise Forbidden(
                    f"Unable to delete region {region_id} because it or its child regions have associated endpoints."
                )
        session.delete(row)

    once(call, work)
    return no_content()

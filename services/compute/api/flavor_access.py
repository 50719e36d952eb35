"""Which projects may use a flavor that is not public."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.compute.api.body import Body
from services.compute.api.flavors import find_flavor
from services.compute.api.parts import Parts
from services.compute.models import Flavor, FlavorAccess
from services.platform.authentication import Authenticated
from services.platform.faults import BadRequest, Conflict, NotFound
from services.platform.http import json_body
from services.platform.strict_json import StrictJsonRoute

router = APIRouter(route_class=StrictJsonRoute)


class Tenant(Body):
    tenant: Annotated[str, Field(min_length=1, max_length=255)]


class AccessAction(Body):
    add: Annotated[Tenant | None, Field(alias="addTenantAccess")] = None
    remove: Annotated[Tenant | None, Field(alias="removeTenantAccess")] = None


def _view(flavor: Flavor) -> dict[str, Any]:
    return {"flavor_access": [{"flavor_id": flavor.id, "tenant_id": entry.project_id} for entry in flavor.access]}


@router.get("/flavors/{flavor_id}/os-flavor-access")
def list_access(flavor_id: str, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()
    flavor = parts.transactor.read(lambda session: find_flavor(session, flavor_id, context))
    if flavor.is_public:
        raise NotFound("Access list not available for public flavors.")
    return json_body(200, _view(flavor))


@router.post("/flavors/{flavor_id}/action")
def change_access(flavor_id: str, body: AccessAction, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()
    if (body.add is None) == (body.remove is None):
        raise BadRequest("Give either addTenantAccess or removeTenantAccess.")

    def work(session: Session) -> Flavor:
        flavor = find_flavor(session, flavor_id, context)
        entries = {entry.project_id: entry for entry in flavor.access}
        if body.add is not None:
            if flavor.is_public:
                raise Conflict("Can not add access to a public flavor.")
            if body.add.tenant in entries:
                raise Conflict(f"Flavor access already exists for flavor {flavor_id} and project {body.add.tenant}.")
            flavor.access.append(FlavorAccess(project_id=body.add.tenant))
        elif body.remove is not None:
            if body.remove.tenant not in entries:
                raise NotFound(f"Flavor access not found for {flavor_id} / {body.remove.tenant} combination.")
            flavor.access.remove(entries[body.remove.tenant])
        session.flush()
        return flavor

    return json_body(200, _view(parts.transactor.write(work)))

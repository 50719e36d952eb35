"""Flavors, their extra specs, and who may use those that are not public."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field
from sqlalchemy import or_, select
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.compute.api.body import Amount, Body, Count, Flag, MetaKey, Name, Text255, since
from services.compute.api.links import own_url, resource_links
from services.compute.api.parts import Parts
from services.compute.models import Flavor, FlavorAccess
from services.platform.authentication import Authenticated
from services.platform.context import Context
from services.platform.faults import BadRequest, Conflict, NotFound
from services.platform.http import json_body, no_content
from services.platform.microversions import Microversion, Version
from services.platform.pagination import Page, flag, next_link
from services.platform.strict_json import StrictJsonRoute

router = APIRouter(route_class=StrictJsonRoute)

ExtraSpecs = dict[MetaKey, Text255]


class NewFlavor(Body):
    name: Name
    id: Annotated[str | int | None, Field(default=None)]
    ram: Count
    vcpus: Count
    disk: Amount
    swap: Amount = 0
    ephemeral: Annotated[Amount, Field(alias="OS-FLV-EXT-DATA:ephemeral")] = 0
    rxtx_factor: Annotated[float, Field(gt=0, le=3.40282e38)] = 1.0
    is_public: Annotated[Flag, Field(alias="os-flavor-access:is_public")] = True
    description: Annotated[str | None, Field(max_length=65535)] = None


class NewFlavorBody(Body):
    flavor: NewFlavor


class FlavorChange(Body):
    description: Annotated[str | None, Field(max_length=65535)]


class FlavorChangeBody(Body):
    flavor: FlavorChange


class ExtraSpecsBody(Body):
    extra_specs: ExtraSpecs


def view(request: Request, flavor: Flavor, version: Microversion, *, brief: bool = False) -> dict[str, Any]:
    """A flavor as the API shows it."""
    shown: dict[str, Any] = {
        "id": flavor.id,
        "name": flavor.name,
        "links": resource_links(request, "flavors", flavor.id),
    }
    if version.minor >= 55:
        shown["description"] = flavor.description
    if brief:
        return shown
    shown |= {
        "ram": flavor.memory_mb,
        "disk": flavor.disk_gb,
        "vcpus": flavor.vcpus,
        "swap": flavor.swap_mb if flavor.swap_mb or version.minor >= 75 else "",
        "OS-FLV-EXT-DATA:ephemeral": flavor.ephemeral_gb,
        "OS-FLV-DISABLED:disabled": flavor.disabled,
        "os-flavor-access:is_public": flavor.is_public,
        "rxtx_factor": flavor.rxtx_factor,
    }
    if version.minor >= 61:
        shown["extra_specs"] = flavor.extra_specs
    return shown


def find_flavor(session: Session, flavor_id: str, context: Context) -> Flavor:
    """The flavor, if the bearer may use it. Raises NotFound."""
    flavor = session.get(Flavor, flavor_id)
    if flavor is None or not (
        flavor.is_public
        or context.is_admin
        or any(entry.project_id == context.access.project_id for entry in flavor.access)
    ):
        raise NotFound(f"Flavor {flavor_id} could not be found.")
    return flavor


def _list(parts: Parts, context: Context, query: dict[str, str], page: Page) -> tuple[list[Flavor], bool]:
    def work(session: Session) -> tuple[list[Flavor], bool]:
        chosen = select(Flavor)
        if not context.is_admin:
            mine = select(FlavorAccess.flavor_id).where(FlavorAccess.project_id == context.access.project_id)
            chosen = chosen.where(or_(Flavor.is_public, Flavor.id.in_(mine)))
        else:
            public = flag(query.get("is_public"), default=True)
            if public is not None:
                chosen = chosen.where(Flavor.is_public == public)
        for parameter, column in (("minRam", Flavor.memory_mb), ("minDisk", Flavor.disk_gb)):
            if parameter in query:
                if not query[parameter].isdigit():
                    raise BadRequest(f"Invalid {parameter} filter [{query[parameter]}]")
                chosen = chosen.where(column >= min(int(query[parameter]), 2**31 - 1))
        if page.marker is not None:
            marker = session.get(Flavor, page.marker)
            if marker is None:
                raise BadRequest(f"marker [{page.marker}] not found")
            chosen = chosen.where(Flavor.id > marker.id)
        found = session.scalars(chosen.order_by(Flavor.id).limit(page.limit + 1)).all()
        kept, more = page.split(found)
        return list(kept), more

    return parts.transactor.read(work)


def _listing(request: Request, context: Context, parts: Parts, version: Microversion, *, brief: bool) -> Response:
    query = dict(request.query_params)
    page = Page.parse(query.get("limit"), query.get("marker"))
    flavors, more = _list(parts, context, query, page)
    body: dict[str, Any] = {"flavors": [view(request, flavor, version, brief=brief) for flavor in flavors]}
    if more:
        body["flavors_links"] = [
            {"rel": "next", "href": next_link(own_url(request), request.url.query, flavors[-1].id)}
        ]
    return json_body(200, body)


@router.get("/flavors")
def list_flavors(request: Request, context: Authenticated, parts: Parts, version: Version) -> Response:
    return _listing(request, context, parts, version, brief=True)


@router.get("/flavors/detail")
def list_flavors_in_detail(request: Request, context: Authenticated, parts: Parts, version: Version) -> Response:
    return _listing(request, context, parts, version, brief=False)


@router.get("/flavors/{flavor_id}")
def show_flavor(request: Request, flavor_id: str, context: Authenticated, parts: Parts, version: Version) -> Response:
    flavor = parts.transactor.read(lambda session: find_flavor(session, flavor_id, context))
    return json_body(200, {"flavor": view(request, flavor, version)})


@router.post("/flavors")
def create_flavor(
    request: Request, body: NewFlavorBody, context: Authenticated, parts: Parts, version: Version
) -> Response:
    context.require_admin()
    wanted = body.flavor
    since(version, {"description": 55}, wanted.model_fields_set)
    chosen_id = None if wanted.id in (None, "", "auto") else str(wanted.id)
    if chosen_id is not None and (
        len(chosen_id) > 255 or not chosen_id.isprintable() or chosen_id != chosen_id.strip()
    ):
        raise BadRequest("Invalid input for field/attribute id. It must be at most 255 printable characters.")
    flavor_id = chosen_id or context.request.new_id("flavor")

    def work(session: Session) -> Flavor:
        found = session.get(Flavor, flavor_id)
        if found is not None:
            if chosen_id is None:
                return found  # the work of this very request, done before
            raise Conflict(f"Flavor with ID {flavor_id} already exists.")
        if session.scalar(select(Flavor.id).where(Flavor.name == wanted.name)) is not None:
            raise Conflict(f"Flavor with name {wanted.name} already exists.")
        flavor = Flavor(
            id=flavor_id,
            name=wanted.name,
            vcpus=wanted.vcpus,
            memory_mb=wanted.ram,
            disk_gb=wanted.disk,
            ephemeral_gb=wanted.ephemeral,
            swap_mb=wanted.swap,
            rxtx_factor=wanted.rxtx_factor,
            is_public=wanted.is_public,
            disabled=False,
            description=wanted.description,
            extra_specs={},
        )
        session.add(flavor)
        session.flush()
        return flavor

    return json_body(200, {"flavor": view(request, parts.transactor.write(work), version)})


@router.put("/flavors/{flavor_id}")
def update_flavor(
    request: Request, flavor_id: str, body: FlavorChangeBody, context: Authenticated, parts: Parts, version: Version
) -> Response:
    if version.minor < 55:
        raise NotFound("The resource could not be found.")
    context.require_admin()

    def work(session: Session) -> Flavor:
        flavor = find_flavor(session, flavor_id, context)
        flavor.description = body.flavor.description
        return flavor

    return json_body(200, {"flavor": view(request, parts.transactor.write(work), version)})


@router.delete("/flavors/{flavor_id}")
def delete_flavor(flavor_id: str, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()
    parts.transactor.write(lambda session: session.delete(find_flavor(session, flavor_id, context)))
    return no_content(202)


@router.get("/flavors/{flavor_id}/os-extra_specs")
def list_extra_specs(flavor_id: str, context: Authenticated, parts: Parts) -> Response:
    flavor = parts.transactor.read(lambda session: find_flavor(session, flavor_id, context))
    return json_body(200, {"extra_specs": flavor.extra_specs})


def _change_specs(parts: Parts, context: Context, flavor_id: str, specs: dict[str, str]) -> None:
    def work(session: Session) -> None:
        flavor = find_flavor(session, flavor_id, context)
        flavor.extra_specs = {**flavor.extra_specs, **specs}

    parts.transactor.write(work)


@router.post("/flavors/{flavor_id}/os-extra_specs")
def set_extra_specs(flavor_id: str, body: ExtraSpecsBody, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()
    _change_specs(parts, context, flavor_id, body.extra_specs)
    return json_body(200, {"extra_specs": body.extra_specs})


def _one_spec(flavor: Flavor, key: str) -> dict[str, str]:
    if key not in flavor.extra_specs:
        raise NotFound(f"Flavor {flavor.id} has no extra specs with key {key}.")
    return {key: flavor.extra_specs[key]}


@router.get("/flavors/{flavor_id}/os-extra_specs/{key}")
def show_extra_spec(flavor_id: str, key: str, context: Authenticated, parts: Parts) -> Response:
    flavor = parts.transactor.read(lambda session: find_flavor(session, flavor_id, context))
    return json_body(200, _one_spec(flavor, key))


@router.put("/flavors/{flavor_id}/os-extra_specs/{key}")
def update_extra_spec(flavor_id: str, key: str, body: ExtraSpecs, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()
    if set(body) != {key}:
        raise BadRequest("The body must hold exactly the key that the address names.")
    _change_specs(parts, context, flavor_id, body)
    return json_body(200, body)


@router.delete("/flavors/{flavor_id}/os-extra_specs/{key}")
def delete_extra_spec(flavor_id: str, key: str, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()

    def work(session: Session) -> None:
        flavor = find_flavor(session, flavor_id, context)
        _one_spec(flavor, key)
        flavor.extra_specs = {name: value for name, value in flavor.extra_specs.items() if name != key}

    parts.transactor.write(work)
    return no_content(200)

"""QoS specs: named sets of limits that administrators associate with volume types. They are kept, not enforced."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.platform.authentication import Authenticated
from services.platform.faults import BadRequest, Conflict, NotFound
from services.platform.http import json_body, no_content
from services.platform.microversions import Version
from services.platform.pagination import flag
from services.platform.strict_json import StrictJsonRoute
from services.volume.api import listing
from services.volume.api.body import Body, Metadata, Name, Text255
from services.volume.api.links import collection_links, resource_links
from services.volume.api.listing import Listing
from services.volume.api.parts import Parts
from services.volume.models import QosSpecs, VolumeType

router = APIRouter(route_class=StrictJsonRoute)

_CONSUMERS = ("front-end", "back-end", "both")
_SORT_COLUMNS: listing.Columns = {"created_at": QosSpecs.number, "id": QosSpecs.id, "name": QosSpecs.name}


class NewSpecs(Body):
    """Whatever is not named here is one of the specs."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)

    name: Name
    consumer: Text255 = "back-end"


class NewSpecsBody(Body):
    qos_specs: NewSpecs


class SpecsBody(Body):
    qos_specs: Metadata


class KeysBody(Body):
    keys: Annotated[list[Text255], Field(min_length=1)]


def _view(row: QosSpecs) -> dict[str, Any]:
    return {"id": row.id, "name": row.name, "consumer": row.consumer, "specs": row.specs}


def _find(session: Session, specs_id: str) -> QosSpecs:
    row = session.get(QosSpecs, specs_id) if len(specs_id) <= 36 else None
    if row is None:
        raise NotFound(f"No such QoS spec {specs_id}.")
    return row


def _check_consumer(consumer: str) -> str:
    if consumer not in _CONSUMERS:
        raise BadRequest(f"Invalid qos specs: Valid consumer of QoS specs are: {list(_CONSUMERS)}")
    return consumer


def _texts(given: dict[str, Any]) -> dict[str, str]:
    for key, value in given.items():
        if not isinstance(value, str) or len(value) > 255 or not 1 <= len(key) <= 255:
            raise BadRequest(
                f"Invalid input for field/attribute {key[:50]}. It must be a text of at most 255 characters."
            )
    return given


@router.get("/qos-specs")
def list_specs(request: Request, context: Authenticated, parts: Parts, version: Version) -> Response:
    context.require_admin()
    page = Listing.parse(dict(request.query_params), version)
    rows = parts.read(
        lambda session: page.select(
            session, select(QosSpecs), _SORT_COLUMNS, QosSpecs.number, lambda marker: _find(session, marker)
        )
    )
    links = collection_links(request, "qos_specs", [row.id for row in rows], page.page.limit)
    return json_body(200, {"qos_specs": [_view(row) for row in rows]} | links)


@router.post("/qos-specs")
def create_specs(request: Request, body: NewSpecsBody, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()
    wanted, specs_id = body.qos_specs, context.request.new_id("qos-specs")
    consumer, specs = _check_consumer(wanted.consumer), _texts(dict(wanted.model_extra or {}))

    def work(session: Session) -> QosSpecs:
        found = session.get(QosSpecs, specs_id)
        if found is not None:
            return found
        if session.scalar(select(QosSpecs.id).where(QosSpecs.name == wanted.name)) is not None:
            raise Conflict(f"QoS Specs {wanted.name} already exists.")
        row = QosSpecs(id=specs_id, number=time.time_ns(), name=wanted.name, consumer=consumer, specs=specs)
        session.add(row)
        session.flush()
        return row

    row = parts.write(work)
    return json_body(200, {"qos_specs": _view(row), "links": resource_links(request, "qos-specs", row.id)})


@router.get("/qos-specs/{specs_id}")
def show_specs(request: Request, specs_id: str, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()
    row = parts.read(lambda session: _find(session, specs_id))
    return json_body(200, {"qos_specs": _view(row), "links": resource_links(request, "qos-specs", row.id)})


@router.put("/qos-specs/{specs_id}")
def change_specs(specs_id: str, body: SpecsBody, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()

    def work(session: Session) -> None:
        row = _find(session, specs_id)
        changes = dict(body.qos_specs)
        row.consumer = _check_consumer(changes.pop("consumer", row.consumer))
        row.specs = {**row.specs, **changes}

    parts.write(work)
    return json_body(200, {"qos_specs": body.qos_specs})


@router.put("/qos-specs/{specs_id}/delete_keys")
def delete_keys(specs_id: str, body: KeysBody, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()

    def work(session: Session) -> None:
        row = _find(session, specs_id)
        for key in body.keys:
            if key not in row.specs:
                raise NotFound(f"QoS spec {specs_id} has no spec with key {key}.")
        row.specs = {key: value for key, value in row.specs.items() if key not in body.keys}

    parts.write(work)
    return no_content(202)


@router.delete("/qos-specs/{specs_id}")
def delete_specs(request: Request, specs_id: str, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()
    force = bool(flag(request.query_params.get("force")))

    def work(session: Session) -> None:
        row = _find(session, specs_id)
        for kind in session.scalars(select(VolumeType).where(VolumeType.qos_specs_id == row.id)):
            if not force:
                raise BadRequest("Qos specs still in use.")
            kind.qos_specs_id = None
        session.delete(row)

    parts.write(work)
    return no_content(202)


@router.get("/qos-specs/{specs_id}/associations")
def list_associations(specs_id: str, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()

    def work(session: Session) -> list[dict[str, Any]]:
        row = _find(session, specs_id)
        kinds = session.scalars(select(VolumeType).where(VolumeType.qos_specs_id == row.id))
        return [{"association_type": "volume_type", "name": kind.name, "id": kind.id} for kind in kinds]

    return json_body(200, {"qos_associations": parts.read(work)})


@router.get("/qos-specs/{specs_id}/{verb}")
def associate(request: Request, specs_id: str, verb: str, context: Authenticated, parts: Parts) -> Response:
    """`associate`, `disassociate` and `disassociate_all`: changes by GET, as Cinder has them."""
    context.require_admin()
    if verb not in ("associate", "disassociate", "disassociate_all"):
        raise NotFound("The resource could not be found.")
    type_id = request.query_params.get("vol_type_id")
    if verb != "disassociate_all" and not type_id:
        raise BadRequest("Volume Type id must not be None.")

    def work(session: Session) -> None:
        row = _find(session, specs_id)
        if verb == "disassociate_all":
            for kind in session.scalars(select(VolumeType).where(VolumeType.qos_specs_id == row.id)):
                kind.qos_specs_id = None
            return
        chosen = session.get(VolumeType, type_id) if type_id and len(type_id) <= 36 else None
        if chosen is None:
            raise NotFound(f"Volume type {type_id} could not be found.")
        if verb == "associate" and chosen.qos_specs_id not in (None, row.id):
            raise BadRequest(f"Invalid volume type: Type {chosen.id} is already associated with another qos specs.")
        chosen.qos_specs_id = row.id if verb == "associate" else None

    parts.write(work)
    return no_content(202)

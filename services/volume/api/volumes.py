"""Volumes: list, show, create, update, delete."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.platform.authentication import Authenticated
from services.platform.context import Context
from services.platform.faults import BadRequest, NotFound
from services.platform.http import json_body, no_content
from services.platform.microversions import Microversion, Version
from services.platform.pagination import flag
from services.platform.strict_json import StrictJsonRoute
from services.platform.times import utcnow
from services.volume.api.body import is_uuid
from services.volume.api.creation import Creation, refuse_what_is_not_served
from services.volume.api.links import collection_links
from services.volume.api.listing import Listing
from services.volume.api.parts import ApiParts, Parts
from services.volume.api.removal import delete_volume
from services.volume.api.volume_bodies import NewVolumeBody, VolumeChangeBody
from services.volume.api.volume_queries import SORT_COLUMNS, chosen_volumes, find_volume
from services.volume.api.volume_views import Views, brief
from services.volume.models import Volume

router = APIRouter(route_class=StrictJsonRoute)


def _list(
    request: Request, context: Context, parts: ApiParts, version: Microversion, *, details: bool
) -> dict[str, Any]:
    query = dict(request.query_params)
    listing, chosen = Listing.parse(query, version), chosen_volumes(query, context, version)

    def work(session: Session) -> dict[str, Any]:
        rows = listing.select(
            session, chosen, SORT_COLUMNS, Volume.number, lambda marker: find_volume(session, marker, context)
        )
        shown = (
            Views(request, context, version).listed(session, rows) if details else [brief(request, row) for row in rows]
        )
        links = collection_links(request, "volumes", [row.id for row in rows], listing.page.limit)
        return {"volumes": shown} | links | listing.count(session, chosen)

    return parts.read(work)


@router.get("/volumes")
def list_volumes(request: Request, context: Authenticated, parts: Parts, version: Version) -> Response:
    return json_body(200, _list(request, context, parts, version, details=False))


@router.get("/volumes/detail")
def list_volumes_in_detail(request: Request, context: Authenticated, parts: Parts, version: Version) -> Response:
    return json_body(200, _list(request, context, parts, version, details=True))


@router.get("/volumes/summary")
def summarise_volumes(request: Request, context: Authenticated, parts: Parts, version: Version) -> Response:
    if version.minor < 12:
        raise NotFound("Volume summary could not be found.")
    chosen = chosen_volumes(dict(request.query_params), context, version)
    rows = parts.read(lambda session: session.scalars(chosen).all())
    summary: dict[str, Any] = {"total_size": sum(row.size for row in rows), "total_count": len(rows)}
    if version.minor >= 36:
        values: dict[str, set[str]] = {}
        for row in rows:
            for key, value in row.meta.items():
                values.setdefault(key, set()).add(value)
        summary["metadata"] = {key: sorted(found) for key, found in values.items()}
    return json_body(200, {"volume-summary": summary})


@router.get("/volumes/{volume_id}")
def show_volume(request: Request, volume_id: str, context: Authenticated, parts: Parts, version: Version) -> Response:
    views = Views(request, context, version)
    shown = parts.read(lambda session: views.shown(session, find_volume(session, volume_id, context)))
    return json_body(200, {"volume": shown})


@router.post("/volumes")
def create_volume(
    request: Request, body: NewVolumeBody, context: Authenticated, parts: Parts, version: Version
) -> Response:
    context.require_writer()
    wanted = body.volume
    refuse_what_is_not_served(wanted, version)
    if wanted.image is not None and not is_uuid(wanted.image):
        raise BadRequest("Invalid image identifier or unable to access requested image.")
    image = parts.images.usable(wanted.image, context.token) if wanted.image else None
    creation = Creation(wanted, context, image, parts.settings)

    def work(session: Session) -> dict[str, Any]:
        return Views(request, context, version).changed(session, creation.store(session))

    shown = parts.write(work)
    parts.hint(shown["id"])
    return json_body(202, {"volume": shown})


@router.put("/volumes/{volume_id}")
def update_volume(
    request: Request, volume_id: str, body: VolumeChangeBody, context: Authenticated, parts: Parts, version: Version
) -> Response:
    context.require_writer()
    change = body.volume
    if version.minor >= 53 and not change.model_fields_set:
        raise BadRequest("Invalid input for field/attribute volume. Give at least one of its properties.")

    def work(session: Session) -> dict[str, Any]:
        row = find_volume(session, volume_id, context)
        given = change.model_fields_set
        if given & {"name", "display_name"}:
            row.name = change.name if "name" in given else change.display_name
        if given & {"description", "display_description"}:
            row.description = change.description if "description" in given else change.display_description
        if change.metadata is not None:
            row.meta = dict(change.metadata)
        row.updated_at = utcnow()
        session.flush()
        return Views(request, context, version).changed(session, row)

    return json_body(200, {"volume": parts.write(work)})


@router.delete("/volumes/{volume_id}")
def remove_volume(request: Request, volume_id: str, context: Authenticated, parts: Parts, version: Version) -> Response:
    context.require_writer()
    query = request.query_params
    force = bool(flag(query.get("force"))) if version.minor >= 23 else False
    if force:
        context.require_admin()
    cascade = bool(flag(query.get("cascade")))
    ids = parts.write(lambda session: delete_volume(session, volume_id, context, force=force, cascade=cascade))
    parts.hint(*ids)
    return no_content(202)

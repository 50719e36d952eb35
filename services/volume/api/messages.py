"""User messages (3.3): why something that was accepted came to nothing."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.platform.authentication import Authenticated
from services.platform.context import Context
from services.platform.faults import NotFound
from services.platform.http import json_body, no_content
from services.platform.microversions import Version
from services.platform.strict_json import StrictJsonRoute
from services.volume.api import listing
from services.volume.api.links import collection_links, resource_links
from services.volume.api.listing import Listing
from services.volume.api.parts import Parts
from services.volume.api.volume_views import moment
from services.volume.models import UserMessage


async def _known(version: Version) -> None:
    if version.minor < 3:
        raise NotFound("The resource could not be found.")


router = APIRouter(route_class=StrictJsonRoute, dependencies=[Depends(_known)])

_COLUMNS: listing.Columns = {
    "resource_type": UserMessage.resource_type,
    "resource_uuid": UserMessage.resource_uuid,
    "event_id": UserMessage.event_id,
    "request_id": UserMessage.request_id,
}
_SORT_COLUMNS: listing.Columns = {**_COLUMNS, "created_at": UserMessage.number, "id": UserMessage.id}


def _view(request: Request, row: UserMessage) -> dict[str, Any]:
    return {
        "id": row.id,
        "event_id": row.event_id,
        "user_message": row.text,
        "message_level": "ERROR",
        "created_at": moment(row.created_at),
        "guaranteed_until": moment(row.expires_at),
        "request_id": row.request_id,
        "resource_type": row.resource_type,
        "resource_uuid": row.resource_uuid,
        "links": resource_links(request, "messages", row.id),
    }


def _find(session: Session, message_id: str, context: Context) -> UserMessage:
    row = session.get(UserMessage, message_id) if len(message_id) <= 36 else None
    if row is None or not context.sees_project(row.project_id):
        raise NotFound(f"Message {message_id} could not be found.")
    return row


@router.get("/messages")
def list_messages(request: Request, context: Authenticated, parts: Parts, version: Version) -> Response:
    query = dict(request.query_params)
    listing.refuse_unknown(query, frozenset({*_COLUMNS, "message_level"}), context, version)
    chosen = select(UserMessage)
    if not listing.everyone(query, context):
        chosen = chosen.where(UserMessage.project_id == context.project_id)
    chosen, page = listing.by_values(chosen, query, _COLUMNS, version), Listing.parse(query, version)
    rows = parts.read(
        lambda session: page.select(
            session, chosen, _SORT_COLUMNS, UserMessage.number, lambda marker: _find(session, marker, context)
        )
    )
    links = collection_links(request, "messages", [row.id for row in rows], page.page.limit)
    return json_body(200, {"messages": [_view(request, row) for row in rows]} | links)


@router.get("/messages/{message_id}")
def show_message(request: Request, message_id: str, context: Authenticated, parts: Parts) -> Response:
    row = parts.read(lambda session: _find(session, message_id, context))
    return json_body(200, {"message": _view(request, row)})


@router.delete("/messages/{message_id}")
def delete_message(message_id: str, context: Authenticated, parts: Parts) -> Response:
    context.require_writer()
    parts.write(lambda session: session.delete(_find(session, message_id, context)))
    return no_content(204)

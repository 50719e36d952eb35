"""`/v2/images/{id}/members`: the projects that a shared image is shared with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.image import openapi
from services.image.bodies import JsonObject
from services.image.creation import MAX_MEMBERS
from services.image.documents import member_document
from services.image.filters import MEMBER_STATUSES
from services.image.lookup import change_once, changes, find_visible
from services.image.models import Image, Member
from services.image.service import Here
from services.platform.authentication import Authenticated
from services.platform.context import Context
from services.platform.faults import BadRequest, Conflict, Forbidden, NotFound, TooLarge
from services.platform.http import json_body, no_content
from services.platform.times import utcnow

router = APIRouter()


@router.post("/v2/images/{image_id}/members", openapi_extra=openapi.ADD_MEMBER)
def add_member(image_id: str, context: Authenticated, here: Here, body: JsonObject) -> Response:
    project_id = _text(body, "member")

    def work(session: Session) -> dict[str, Any]:
        image = change_once(session, context, image_id, lambda image: _add(session, image, project_id))
        member = session.get(Member, (image.id, project_id))
        if member is None:
            raise Conflict(f"{project_id} was removed from the members of image {image_id} meanwhile.")
        return member_document(member)

    return json_body(200, here.write(work))


def _add(session: Session, image: Image, project_id: str) -> None:
    _require_shared(image)
    if session.get(Member, (image.id, project_id)) is not None:
        raise Conflict(f"Image member {project_id} already exists for image {image.id}.")
    count = session.scalar(select(func.count()).select_from(Member).where(Member.image_id == image.id)) or 0
    if count >= MAX_MEMBERS:
        raise TooLarge(f"The limit has been exceeded on the number of allowed image members: {MAX_MEMBERS}.")
    session.add(Member(image_id=image.id, project_id=project_id))


@router.get("/v2/images/{image_id}/members")
def list_members(image_id: str, context: Authenticated, here: Here) -> Response:
    def work(session: Session) -> list[dict[str, Any]]:
        image = find_visible(session, context, image_id)
        query = select(Member).where(Member.image_id == image.id).order_by(Member.created_at, Member.project_id)
        if changes(context, image):
            _require_shared(image)
        else:
            query = query.where(Member.project_id == context.project_id)
        members = [member_document(member) for member in session.scalars(query)]
        if not members and not changes(context, image):
            raise NotFound(f"No members of image {image_id} are visible to you.")
        return members

    return json_body(200, {"members": here.read(work), "schema": "/v2/schemas/members"})


@router.get("/v2/images/{image_id}/members/{project_id}")
def show_member(image_id: str, project_id: str, context: Authenticated, here: Here) -> Response:
    return json_body(200, here.read(_on_member(context, image_id, project_id, member_document)))


@router.put("/v2/images/{image_id}/members/{project_id}", openapi_extra=openapi.SET_MEMBER)
def answer_share(image_id: str, project_id: str, context: Authenticated, here: Here, body: JsonObject) -> Response:
    """The member says whether it wants the image in its lists. The owner may not say so for it."""
    context.require_writer()
    status = _text(body, "status")
    if status not in MEMBER_STATUSES:
        raise BadRequest(f"Status must be one of {', '.join(MEMBER_STATUSES)}, not '{status}'.")

    def answer(member: Member) -> dict[str, Any]:
        if not context.is_admin and member.project_id != context.access.project_id:
            raise Forbidden("Only the member itself may change the status of its membership.")
        member.status, member.updated_at = status, utcnow()
        return member_document(member)

    return json_body(200, here.write(_on_member(context, image_id, project_id, answer)))


@router.delete("/v2/images/{image_id}/members/{project_id}")
def remove_member(image_id: str, project_id: str, context: Authenticated, here: Here) -> Response:
    def work(session: Session) -> None:
        change_once(session, context, image_id, lambda image: _remove(session, image, project_id))

    here.write(work)
    return no_content()


def _remove(session: Session, image: Image, project_id: str) -> None:
    _require_shared(image)
    member = session.get(Member, (image.id, project_id))
    if member is None:
        raise _no_member(image.id, project_id)
    session.delete(member)


def _on_member(
    context: Context, image_id: str, project_id: str, then: Callable[[Member], dict[str, Any]]
) -> Callable[[Session], dict[str, Any]]:
    """Work on a member that the bearer may see: the owner sees all, a member itself only."""

    def work(session: Session) -> dict[str, Any]:
        image = find_visible(session, context, image_id)
        member = session.get(Member, (image.id, project_id))
        if member is None or not (changes(context, image) or project_id == context.access.project_id):
            raise _no_member(image_id, project_id)
        return then(member)

    return work


def _require_shared(image: Image) -> None:
    if image.visibility != "shared":
        raise Forbidden("Only shared images have members.")


def _no_member(image_id: str, project_id: str) -> NotFound:
    return NotFound(f"{project_id} not found in the member list of the image {image_id}.")


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 255:
        raise BadRequest(f"Expected '{name}': a text of 1 to 255 characters.")
    return value

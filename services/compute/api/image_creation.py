"""`createImage`: an image of a server. It is announced, made in the user's name, and then filled by the server's host.

The image is the user's, so it is made with the user's token, at once; its bytes follow in compute's own name, which
works for as long as it takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import StringConstraints, ValidationError
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.compute import server_images, topics
from services.compute.api.body import Body, Metadata
from services.compute.api.images import inherited
from services.compute.api.intents import record_action
from services.compute.api.parts import ApiParts
from services.compute.api.server_queries import find_server
from services.compute.instances import start_task
from services.compute.models import Instance, InstanceAction
from services.compute.quotas import limits_of
from services.compute.states import IllegalTransition, Task, VmState, begin
from services.platform.context import Context
from services.platform.faults import BadRequest, Conflict, Fault, Forbidden
from services.platform.http import json_body, no_content
from services.platform.microversions import Microversion
from services.platform.times import utcnow

ACTION: Final = "createImage"


class NewImage(Body):
    name: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    metadata: Metadata = {}


def create_image(server_id: str, argument: Any, context: Context, parts: ApiParts, version: Microversion) -> Response:
    wanted, image_id = _parse(argument), context.request.new_id("image")
    row = parts.transactor.write(lambda session: _announce(session, server_id, image_id, wanted, context))
    if row is not None:
        base = parts.images.document(row.image_ref, context.token)
        parts.images.create(_document(row, image_id, wanted, base, context), context.token)
        _begin(server_id, image_id, context, parts)
    parts.hints.send(topics.CONDUCTOR, "advance", instance_ids=[server_id])
    if version.minor >= 45:
        return json_body(202, {"image_id": image_id})
    return no_content(202, {"Location": f"{parts.settings.image_url.rstrip('/')}/images/{image_id}"})


def _parse(argument: Any) -> NewImage:
    try:
        wanted = NewImage.model_validate(argument)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in (ACTION, *problem["loc"]))
        raise BadRequest(f"Invalid input for field/attribute {where}. {problem['msg']}") from None
    if not wanted.name.strip():
        raise BadRequest(f"Invalid input for field/attribute {ACTION}.name. A name of spaces only is none.")
    return wanted


def _announce(session: Session, server_id: str, image_id: str, wanted: NewImage, context: Context) -> Instance | None:
    """The server, where an image of it may be made now; None where this very request has begun one before.

    Raises NotFound, Conflict, BadRequest, Forbidden before an image is made in vain.
    """
    row = find_server(session, server_id, context)
    if session.get(InstanceAction, (row.id, context.request.request_id)) is not None:
        return None
    _task(row)
    if not row.image_ref:
        raise BadRequest(
            f"Instance {row.id} boots from a volume, so its disk is no file of its host. Make a snapshot of the volume "
            "(`openstack volume snapshot create --force --volume VOLUME NAME`), or an image of it (`openstack image "
            "create --force --volume VOLUME NAME`)."
        )
    limit = limits_of(session, row.project_id)["metadata_items"]
    if 0 <= limit < len(wanted.metadata):
        raise Forbidden("Image metadata limit exceeded")
    server_images.announce(session, image_id, row.id, context.request.request_id, utcnow())
    return row


def _task(row: Instance) -> Task:
    """Raises Conflict where the server's state does not allow it now."""
    try:
        return begin(ACTION, VmState(row.vm_state), Task(row.task_state) if row.task_state else None)
    except IllegalTransition:
        what = f"task_state {row.task_state}" if row.task_state else f"vm_state {row.vm_state}"
        raise Conflict(f"Cannot '{ACTION}' instance {row.id} while it is in {what}") from None


def _document(
    row: Instance, image_id: str, wanted: NewImage, base: Mapping[str, Any], context: Context
) -> dict[str, Any]:
    """The image to be made: what its server's image said of itself, what the request says, what is so."""
    return {
        **inherited(base),
        "boot_roles": ",".join(sorted(context.access.roles)),
        "owner_user_name": context.access.user_name,
        "owner_project_name": context.access.project_name or "",
        "base_image_ref": base.get("base_image_ref") or row.image_ref,
        "image_type": "snapshot",
        "instance_uuid": row.id,
        "user_id": context.user_id,
        **wanted.metadata,
        "id": image_id,
        "name": wanted.name,
        "visibility": "private",
        "disk_format": base.get("disk_format") or "raw",
        "container_format": "bare",
        "min_disk": row.flavor["disk_gb"],
        "min_ram": base.get("min_ram") or 0,
        "image_location": "snapshot",
        "image_state": "available",
        "owner_id": row.project_id,
    }


def _begin(server_id: str, image_id: str, context: Context, parts: ApiParts) -> None:
    """Store that the image is to be filled. Raises Conflict, NotFound where it is too late for that; then it goes."""

    def work(session: Session) -> None:
        row = find_server(session, server_id, context)
        if not record_action(session, row, ACTION, context):
            return
        task = _task(row)
        if not server_images.want(session, image_id):
            raise Conflict(f"Making the image of instance {server_id} took too long and was given up. Retry it.")
        start_task(row, task, context.request.request_id, utcnow())

    try:
        parts.transactor.write(work)
    except Fault:
        parts.transactor.write(lambda session: server_images.give_up(session, image_id, utcnow()))
        raise

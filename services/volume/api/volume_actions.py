"""Actions on volumes, by name; and those that only change what the row says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.platform.authentication import Authenticated
from services.platform.faults import BadRequest
from services.platform.http import json_body, no_content
from services.platform.microversions import Version
from services.platform.strict_json import StrictJsonRoute
from services.platform.times import utcnow
from services.volume import quotas
from services.volume.api import attach_actions, store_actions
from services.volume.api.action import Action
from services.volume.api.body import Body, Flag, MetaKey, Text255
from services.volume.api.parts import Parts
from services.volume.api.service_callers import FromService
from services.volume.api.types_of_projects import find_type, is_multiattach
from services.volume.api.volume_queries import find_volume
from services.volume.liveness import POOL
from services.volume.models import Volume
from services.volume.rows import attachments_of, set_status
from services.volume.states import AttachStatus, VolumeStatus

router = APIRouter(route_class=StrictJsonRoute)


class Bootable(Body):
    bootable: Flag


class Readonly(Body):
    readonly: Flag


class Retype(Body):
    new_type: Text255
    migration_policy: Literal["on-demand", "never"] | None = None


class ResetStatus(Body):
    status: Text255 | None = None
    attach_status: Literal["attached", "detached"] | None = None
    migration_status: Text255 | None = None


class ImageMetadata(Body):
    metadata: dict[MetaKey, str]


class ImageMetadataKey(Body):
    key: Text255


class Migrate(Body):
    host: Text255 | None = None
    cluster: Text255 | None = None
    force_host_copy: Flag = False
    lock_volume: Flag = False


def _change(action: Action, change: Callable[[Session, Volume], None]) -> Volume:
    def work(session: Session) -> Volume:
        row = find_volume(session, action.volume_id, action.context)
        change(session, row)
        row.updated_at = utcnow()
        return row

    return action.parts.write(work)


def set_bootable(action: Action) -> Response:
    wanted = action.parse(Bootable).bootable
    _change(action, lambda _session, row: setattr(row, "bootable", wanted))
    return no_content(200)


def set_readonly(action: Action) -> Response:
    wanted = action.parse(Readonly).readonly

    def change(_session: Session, row: Volume) -> None:
        if row.status != VolumeStatus.AVAILABLE:
            raise BadRequest(
                f"Invalid volume: Volume {row.id} status must be available to update readonly flag, but current status "
                f"is: {row.status}."
            )
        row.readonly = wanted

    _change(action, change)
    return no_content(202)


def retype(action: Action) -> Response:
    """All types are in the one store: nothing moves, so the new type is there at once."""
    wanted = action.parse(Retype)

    def change(session: Session, row: Volume) -> None:
        kind = find_type(session, wanted.new_type, action.context)
        if row.changed_by == action.request_id:
            return
        if row.status not in (VolumeStatus.AVAILABLE, VolumeStatus.IN_USE) or row.type_id == kind.id:
            raise BadRequest(
                "Invalid volume: Retype needs volume to be in available or in-use state, and the requested type has to "
                "be different from the one of the volume."
            )
        if is_multiattach(kind) != row.multiattach and row.status != VolumeStatus.AVAILABLE:
            raise BadRequest(
                "Invalid input received: Invalid volume_type passed, retypes affecting multiattach are only allowed on "
                f"available volumes, the specified volume however currently has a status of: {row.status}."
            )
        limits, usage = quotas.limits_of(session, row.project_id), quotas.usage_of(session, row.project_id)
        quotas.check(limits, usage, {f"volumes_{kind.name}": 1, f"gigabytes_{kind.name}": row.size})
        row.type_id, row.multiattach, row.changed_by = kind.id, is_multiattach(kind), action.request_id

    _change(action, change)
    return no_content(202)


def reset_status(action: Action) -> Response:
    action.context.require_admin()
    wanted = action.parse(ResetStatus)
    status = wanted.status.lower() if wanted.status else None
    if not (status or wanted.attach_status or wanted.migration_status):
        raise BadRequest("Must specify 'status', 'attach_status' or 'migration_status' for update.")
    if status is not None and status not in set(VolumeStatus) - {VolumeStatus.DELETED}:
        raise BadRequest(f"Invalid input for field/attribute status. Value: {status[:50]}. No such status.")
    if status in (VolumeStatus.DELETING, VolumeStatus.DETACHING):
        raise BadRequest(f"Cannot reset-state to {status}")

    def change(session: Session, row: Volume) -> None:
        there = attachments_of(session, [row.id])
        if status == VolumeStatus.IN_USE and not there:
            raise BadRequest("Cannot reset-state to in-use because volume does not have any attachments.")
        if wanted.attach_status == "detached":
            for one in there:
                one.status, one.deleted, one.detached_at = AttachStatus.DETACHED, True, utcnow()
        if status is not None:
            set_status(session, row, status, utcnow())

    _change(action, change)
    return no_content(202)


def set_image_metadata(action: Action) -> Response:
    wanted = action.parse(ImageMetadata).metadata

    def change(_session: Session, row: Volume) -> None:
        row.image_meta = {**(row.image_meta or {}), **wanted}

    return json_body(200, {"metadata": _change(action, change).image_meta})


def show_image_metadata(action: Action) -> Response:
    row = action.parts.read(lambda session: find_volume(session, action.volume_id, action.context))
    return json_body(200, {"metadata": row.image_meta or {}})


def unset_image_metadata(action: Action) -> Response:
    key = action.parse(ImageMetadataKey).key

    def change(_session: Session, row: Volume) -> None:
        if key not in (row.image_meta or {}):
            raise BadRequest(f"Volume {row.id} has no glance metadata with key {key}.")
        row.image_meta = {name: value for name, value in (row.image_meta or {}).items() if name != key}

    _change(action, change)
    return no_content(200)


def migrate(action: Action) -> Response:
    """There is one store in a region, and the volume is in it."""
    action.context.require_admin()
    wanted = action.parse(Migrate)
    row = action.parts.read(lambda session: find_volume(session, action.volume_id, action.context))
    raise BadRequest(
        f"Invalid input received: No available service named {wanted.host or wanted.cluster} to move volume {row.id} "
        f"to: it is in {POOL}, the only store of the region."
    )


HANDLERS: dict[str, Callable[[Action], Response]] = {
    "os-attach": attach_actions.attach,
    "os-detach": attach_actions.end_attachment,
    "os-force_detach": attach_actions.force_detach,
    "os-reserve": attach_actions.reserve,
    "os-unreserve": attach_actions.unreserve,
    "os-begin_detaching": attach_actions.begin_detaching,
    "os-roll_detaching": attach_actions.roll_detaching,
    "os-initialize_connection": attach_actions.initialize_connection,
    "os-terminate_connection": attach_actions.terminate_connection,
    "os-extend": store_actions.extend,
    "os-volume_upload_image": store_actions.upload_image,
    "revert": store_actions.revert,
    "os-force_delete": store_actions.force_delete,
    "os-set_bootable": set_bootable,
    "os-update_readonly_flag": set_readonly,
    "os-retype": retype,
    "os-reset_status": reset_status,
    "os-set_image_metadata": set_image_metadata,
    "os-show_image_metadata": show_image_metadata,
    "os-unset_image_metadata": unset_image_metadata,
    "os-migrate_volume": migrate,
}


@router.post("/volumes/{volume_id}/action")
def act_on_volume(
    volume_id: str,
    body: dict[str, Any],
    context: Authenticated,
    parts: Parts,
    version: Version,
    from_service: FromService,
) -> Response:
    if len(body) != 1:
        raise BadRequest("Give exactly one action.")
    ((name, argument),) = body.items()
    handler = HANDLERS.get(name)
    if handler is None:
        raise BadRequest(f"There is no such action: {name}")
    if name != "os-show_image_metadata":
        context.require_writer()
    return handler(Action(volume_id, name, argument, context, parts, version, from_service))

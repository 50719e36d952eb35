"""Actions that there is work in the store for: extend, upload to an image, revert to a snapshot, delete anyhow."""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy.orm import Session
from starlette.responses import Response

from services.platform.faults import BadRequest, Conflict, Forbidden
from services.platform.http import json_body, no_content
from services.platform.times import utcnow
from services.volume import quotas
from services.volume.api.action import Action
from services.volume.api.body import Body, Flag, Label, Name, Size, Text255, since
from services.volume.api.removal import delete_volume
from services.volume.api.volume_queries import find_volume
from services.volume.api.volume_views import moment
from services.volume.images import ImageView
from services.volume.models import Volume, VolumeType
from services.volume.rows import change_volume, snapshots_of, status_after
from services.volume.states import VolumeStatus


class Extend(Body):
    new_size: Size


class Upload(Body):
    image_name: Name
    force: Flag = False
    disk_format: Literal["raw", "vmdk", "vdi", "qcow2", "vhd", "vhdx", "ploop"] = "raw"
    container_format: Label | None = "bare"
    visibility: Literal["community", "public", "private", "shared"] | None = None
    protected: Flag | None = None


class Revert(Body):
    snapshot_id: Text255 | None = None


#: What the bytes of an uploaded image may be.
UPLOAD_FORMATS = ("raw", "qcow2")


def extend(action: Action) -> Response:
    size = action.parse(Extend).new_size

    def work(session: Session) -> None:
        row = find_volume(session, action.volume_id, action.context)
        if row.changed_by == action.request_id:
            return
        if size <= row.size:
            raise BadRequest(
                f"Invalid input received: New size for extend must be greater than current size. (current: {row.size}, "
                f"extended: {size})."
            )
        in_use = row.status == VolumeStatus.IN_USE and action.version.minor >= 42
        change_volume(
            session, row, "extend-in-use" if in_use else "extend", action.request_id, utcnow(), {"new_size": size}
        )
        kind = session.get(VolumeType, row.type_id)
        quotas.check_volume_size(session, row.project_id, size)
        quotas.reserve(session, row.project_id, kind.name if kind else "", size=size - row.size)

    action.parts.write(work)
    action.parts.hint(action.volume_id)
    return no_content(202)


def upload_image(action: Action) -> Response:
    wanted = action.parse(Upload)
    since(action.version, {"visibility": 1, "protected": 1}, wanted.model_fields_set)
    if wanted.visibility == "public" and not action.context.is_admin:
        raise Forbidden("Policy doesn't allow volume_extension:volume_actions:upload_public to be performed.")
    if wanted.disk_format not in UPLOAD_FORMATS or (wanted.container_format or "bare") != "bare":
        raise BadRequest(
            f"Invalid input received: volumes are uploaded as raw or qcow2 in the container bare, not as "
            f"{wanted.disk_format} in {wanted.container_format}."
        )
    event = "force-upload" if wanted.force else "upload"
    row = action.parts.read(lambda session: _may_upload(session, action, event))
    image = action.parts.images.create(_document(action, wanted, row), action.context.token)

    def work(session: Session) -> dict[str, Any]:
        volume = find_volume(session, action.volume_id, action.context)
        change_volume(session, volume, event, action.request_id, utcnow(), {"image_id": image.id})
        kind = session.get(VolumeType, volume.type_id)
        return _uploading(volume, kind, image, wanted, action)

    shown = action.parts.write(work)
    action.parts.hint(action.volume_id)
    return json_body(202, {"os-volume_upload_image": shown})


def _may_upload(session: Session, action: Action, event: str) -> Volume:
    """Raises BadRequest before an image is made in vain."""
    row = find_volume(session, action.volume_id, action.context)
    if row.changed_by != action.request_id:
        status_after(row, event)
    return row


def _document(action: Action, wanted: Upload, row: Volume) -> dict[str, Any]:
    """The image to be made: what the volume keeps of its own image's properties goes with it."""
    kept = {"image_id", "image_name", "checksum", "container_format", "disk_format", "min_disk", "min_ram", "size"}
    properties = {key: value for key, value in (row.image_meta or {}).items() if key not in kept}
    document = {
        "id": action.context.request.new_id("image"),
        "name": wanted.image_name,
        "disk_format": wanted.disk_format,
        "container_format": "bare",
        "visibility": wanted.visibility or "private",
        "protected": bool(wanted.protected),
    }
    return properties | document


def _uploading(
    row: Volume, kind: VolumeType | None, image: ImageView, wanted: Upload, action: Action
) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": row.id,
        "updated_at": moment(row.updated_at),
        "status": "uploading",
        "display_description": row.description,
        "size": row.size,
        "volume_type": {"id": kind.id, "name": kind.name} if kind else None,
        "image_id": image.id,
        "container_format": image.container_format,
        "disk_format": image.disk_format,
        "image_name": image.name,
    }
    if action.version.minor >= 1:
        shown |= {"protected": bool(wanted.protected), "visibility": wanted.visibility or "private"}
    return shown


def revert(action: Action) -> Response:
    if action.version.minor < 40:
        raise BadRequest(f"There is no such action: {action.name}")
    snapshot_id = action.parse(Revert).snapshot_id

    def work(session: Session) -> None:
        row = find_volume(session, action.volume_id, action.context)
        if row.changed_by == action.request_id:
            return
        snapshots = snapshots_of(session, row.id)
        if not snapshots:
            raise BadRequest(f"Volume {row.id} doesn't have any snapshots.")
        latest = snapshots[-1]
        if snapshot_id != latest.id:
            raise BadRequest(f"Specified snapshot {snapshot_id} is None or not the latest one of volume {row.id}.")
        if latest.size != row.size:
            raise BadRequest(
                f"Can't revert volume {row.id} to its latest snapshot {latest.id}. The volume size must be equal "
                f"to the snapshot size."
            )
        if latest.status != "available" or row.status != VolumeStatus.AVAILABLE:
            raise Conflict(
                f"Volume {row.id} ({row.status}) and snapshot {latest.id} ({latest.status}) must be available."
            )
        change_volume(session, row, "revert", action.request_id, utcnow(), {"snapshot_id": latest.id})

    action.parts.write(work)
    action.parts.hint(action.volume_id)
    return no_content(202)


def force_delete(action: Action) -> Response:
    action.context.require_admin()
    ids = action.parts.write(lambda session: delete_volume(session, action.volume_id, action.context, force=True))
    action.parts.hint(*ids)
    return no_content(202)

"""Whether a server may have a volume: asked of the volume service, decided with what the server is."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.compute.api.parts import ApiParts
from services.compute.attachment_states import RELEASED
from services.compute.models import VolumeAttachment
from services.compute.volume_service import Refused, VolumeView
from services.platform.context import Context
from services.platform.faults import BadRequest


def find_volume(volume_id: str, context: Context, parts: ApiParts) -> VolumeView | None:
    """The volume, where there is one that the bearer may see. Raises BadRequest, Unavailable."""
    try:
        volume = parts.volumes.show(volume_id)
    except Refused as refused:
        raise BadRequest(refused.message) from None
    return volume if volume is not None and context.sees_project(volume.project_id) else None


def refuse_elsewhere(volume_id: str, context: Context, parts: ApiParts) -> None:
    """Raises BadRequest where another region has the volume, with what to do then."""
    found = parts.other_regions.find_volume(volume_id, context.token)
    if found is not None:
        raise BadRequest(found.refusal(parts.settings.region))


def check_status(volume: VolumeView) -> None:
    """Raises BadRequest where the volume is not free."""
    if volume.status == "available" or (volume.multiattach and volume.status == "in-use"):
        return
    raise BadRequest(f"Invalid volume: volume '{volume.id}' status must be 'available'. Currently in '{volume.status}'")


def check_zone(volume: VolumeView, zone: str | None, server: str, parts: ApiParts) -> None:
    """Raises BadRequest where the volume is of another availability zone than the server."""
    if parts.settings.cross_az_attach or zone in (None, volume.availability_zone):
        return
    raise BadRequest(
        f"Invalid volume: {server} and volume {volume.id} are not in the same availability_zone. "
        f"{server} is in {zone}. Volume is in {volume.availability_zone}"
    )


def refuse_taken(session: Session, volume_id: str, *, multiattach: bool) -> None:
    """Raises BadRequest where another server is about to have the volume, which the volume service may not know yet."""
    taken = session.scalar(
        select(VolumeAttachment.instance_id).where(
            VolumeAttachment.volume_id == volume_id, VolumeAttachment.status.not_in(RELEASED)
        )
    )
    if taken is not None and not multiattach:
        raise BadRequest(f"Invalid volume: volume '{volume_id}' is being attached to, or detached from, server {taken}")

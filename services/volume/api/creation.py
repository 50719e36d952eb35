"""Creating volumes: everything is checked, then one transaction stores the rows, then one hint is sent."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from services.platform.context import Context
from services.platform.database import find_or_add
from services.platform.faults import BadRequest, NotFound
from services.platform.microversions import Microversion
from services.platform.times import utcnow
from services.volume import quotas
from services.volume.api.body import since
from services.volume.api.snapshot_queries import find_snapshot
from services.volume.api.types_of_projects import default_type, find_type, is_multiattach
from services.volume.api.volume_bodies import NewVolume
from services.volume.api.volume_queries import find_volume
from services.volume.images import ImageView
from services.volume.models import Snapshot, Volume, VolumeType
from services.volume.rows import hold
from services.volume.settings import VolumeSettings
from services.volume.states import SnapshotStatus, Task, VolumeStatus
from services.volume.work.claims import order

GIB: Final = 1 << 30
#: Formats of images whose bytes are the disk's own.
RAW_FORMATS: Final = frozenset({"raw", "iso", "ami"})
_SOURCE_STATUSES: Final = (VolumeStatus.AVAILABLE, VolumeStatus.IN_USE)
_SINCE: Final = {"group_id": 13, "backup_id": 47}


def refuse_what_is_not_served(wanted: NewVolume, version: Microversion) -> None:
    """Raises BadRequest for fields that this microversion does not know, and for what this cloud does not have."""
    if version.minor >= 53 and wanted.model_extra:
        raise BadRequest(f"Additional properties are not allowed ('{min(wanted.model_extra)}' was unexpected).")
    if version.minor >= 53:
        since(version, _SINCE, wanted.model_fields_set)
    if wanted.multiattach:
        raise BadRequest(
            "multiattach parameter has been removed. The default behavior is to use multiattach enabled volume types."
        )
    if wanted.consistencygroup_id or (wanted.group_id and version.minor >= 13):
        raise NotFound(f"Group {wanted.consistencygroup_id or wanted.group_id} could not be found.")
    if wanted.backup_id and version.minor >= 47:
        raise NotFound(f"Backup {wanted.backup_id} could not be found.")
    if sum(bool(source) for source in (wanted.snapshot_id, wanted.source_volid, wanted.image)) > 1:
        raise BadRequest("May specify only one of snapshot, imageRef or source volume")


def check_image_fits(image: ImageView, size: int) -> None:
    """Raises BadRequest where a volume of `size` GiB cannot be filled from the image."""
    if image.disk_format not in RAW_FORMATS:
        raise BadRequest(
            f"Image {image.id} is unacceptable: Image is {image.disk_format}; volumes are made of raw images only. "
            f"Convert it (qemu-img convert -O raw) and upload it again."
        )
    if (needed := -(-image.size // GIB)) > size:
        raise BadRequest(
            f"Invalid input received: Size of specified image {needed}GB is larger than volume size {size}GB."
        )
    if size < image.min_disk_gb:
        raise BadRequest(
            f"Invalid input received: Volume size {size}GB cannot be smaller than the image minDisk size "
            f"{image.min_disk_gb}GB."
        )


def image_metadata(image: ImageView) -> dict[str, str]:
    """What a volume keeps of its image, all as text."""
    facts = {
        "image_id": image.id,
        "image_name": image.name or "",
        "checksum": image.checksum or "",
        "container_format": image.container_format or "",
        "disk_format": image.disk_format or "",
        "min_disk": str(image.min_disk_gb),
        "min_ram": str(image.min_memory_mb),
        "size": str(image.size),
    }
    return {key: value[:255] for key, value in {**image.properties, **facts}.items()}


@dataclass(frozen=True, slots=True)
class Creation:
    """One accepted request for a volume, everything outside the database checked."""

    wanted: NewVolume
    context: Context
    image: ImageView | None
    settings: VolumeSettings

    def store(self, session: Session) -> Volume:
        """The row, new or the one that an earlier run of this very request stored.

        Raises BadRequest, NotFound, TooLarge.
        """
        volume_id = self.context.request.new_id("volume")
        found = session.get(Volume, volume_id)
        if found is not None:
            return found
        snapshot, source = self._snapshot(session), self._source(session)
        kind = self._type(session, snapshot, source)
        size = self._size(snapshot, source)
        quotas.check_volume_size(session, self.context.project_id, size)
        quotas.reserve(session, self.context.project_id, kind.name, volumes=1, size=size)
        row, _ = find_or_add(session, self._row(session, volume_id, size, kind, snapshot, source), volume_id)
        order(session, row.id, "volume", Task.CREATE, {}, self.context.request.request_id, row.created_at)
        return row

    def _snapshot(self, session: Session) -> Snapshot | None:
        if self.wanted.snapshot_id is None:
            return None
        row = find_snapshot(session, self.wanted.snapshot_id, self.context)
        if row.status != SnapshotStatus.AVAILABLE:
            raise BadRequest("Invalid snapshot: Originating snapshot status must be one of 'available' values")
        hold(row)
        return row

    def _source(self, session: Session) -> Volume | None:
        if self.wanted.source_volid is None:
            return None
        row = find_volume(session, self.wanted.source_volid, self.context)
        if row.status not in _SOURCE_STATUSES:
            raise BadRequest(
                "Invalid volume: Originating source volume status must be one of 'available, in-use' values"
            )
        hold(row)
        return row

    def _type(self, session: Session, snapshot: Snapshot | None, source: Volume | None) -> VolumeType:
        if self.wanted.volume_type:
            return find_type(session, self.wanted.volume_type, self.context)
        origin = source or snapshot
        inherited = session.get(VolumeType, origin.type_id) if origin is not None else None
        return inherited or default_type(session, self.context.project_id, self.settings.default_volume_type)

    def _size(self, snapshot: Snapshot | None, source: Volume | None) -> int:
        origin = source or snapshot
        size = self.wanted.size or (origin.size if origin is not None else None)
        if size is None:
            raise BadRequest("Invalid input received: Volume size 'None' must be an integer and greater than 0")
        if origin is not None and size < origin.size:
            what = "original volume" if source is not None else "the snapshot"
            raise BadRequest(
                f"Invalid input received: Volume size '{size}'GB cannot be smaller than {what} size {origin.size}GB. "
                f"They must be >= {what} size."
            )
        if self.image is not None:
            check_image_fits(self.image, size)
        return size

    def _zone(self) -> str:
        zone = self.wanted.availability_zone or self.settings.availability_zone
        if zone != self.settings.availability_zone:
            raise BadRequest(f"Availability zone '{zone}' is invalid.")
        return zone

    def _row(
        self,
        session: Session,
        volume_id: str,
        size: int,
        kind: VolumeType,
        snapshot: Snapshot | None,
        source: Volume | None,
    ) -> Volume:
        wanted, now = self.wanted, utcnow()
        origin = source or (session.get(Volume, snapshot.volume_id) if snapshot is not None else None)
        bootable, image_meta = (origin.bootable, origin.image_meta) if origin is not None else (False, None)
        if self.image is not None:
            bootable, image_meta = True, image_metadata(self.image)
        return Volume(
            id=volume_id,
            number=time.time_ns(),
            project_id=self.context.project_id,
            user_id=self.context.user_id,
            name=wanted.name if wanted.name is not None else wanted.display_name,
            description=wanted.description if wanted.description is not None else wanted.display_description,
            size=size,
            status=VolumeStatus.CREATING,
            bootable=bootable,
            multiattach=is_multiattach(kind),
            type_id=kind.id,
            availability_zone=self._zone(),
            snapshot_id=snapshot.id if snapshot is not None else None,
            source_volid=source.id if source is not None else None,
            image_id=self.image.id if self.image is not None else None,
            meta=dict(wanted.metadata or {}),
            image_meta=dict(image_meta) if image_meta else None,
            changed_by=self.context.request.request_id,
            created_at=now,
            updated_at=None,
            deleted=False,
        )

"""What a new server boots from, and the volumes it is made with: `imageRef` and `block_device_mapping_v2`."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from services.compute import device_names
from services.compute.api.attach import choose_device
from services.compute.api.body import since
from services.compute.api.images import ImageView
from services.compute.api.parts import ApiParts
from services.compute.api.server_bodies import BlockDevice, NewServer
from services.compute.api.usable_volumes import check_status, find_volume, refuse_elsewhere, refuse_taken
from services.compute.attachment_states import AttachmentStatus
from services.compute.models import Instance, VolumeAttachment
from services.compute.volume_service import Refused
from services.platform.context import Context
from services.platform.faults import BadRequest
from services.platform.microversions import Microversion
from services.platform.times import utcnow

#: First microversion (2.x) of the fields that came later.
_SINCE = {"tag": 42, "volume_type": 67}

_INVALID = "Block Device Mapping is Invalid: "
_BAD_BOOT_ORDER = _INVALID + "Boot sequence for the instance and image/block device mapping combination is not valid."


@dataclass(frozen=True, slots=True)
class Disk:
    """One volume of a new server: one that is there, or one that is to be made. Size in GiB."""

    source_type: str
    source_id: str | None
    size: int | None
    boot_index: int | None
    device: str | None
    tag: str | None
    volume_type: str | None
    delete_on_termination: bool
    multiattach: bool = False
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Disks:
    """All that a new server is made of. `image` is None where it boots from a volume that was there."""

    image: ImageView | None
    boots_from_volume: bool
    volumes: tuple[Disk, ...] = ()

    @property
    def image_ref(self) -> str:
        """What the server shows as its image: nothing where it boots from a volume."""
        return "" if self.boots_from_volume or self.image is None else self.image.id


def disks_of(wanted: NewServer, version: Microversion, context: Context, parts: ApiParts) -> Disks:
    """Check everything that can be checked before anything is stored. Raises BadRequest, Unavailable."""
    devices = [one for one in wanted.block_devices if not one.no_device]
    for one in devices:
        since(version, _SINCE, one.model_fields_set)
        _check_kind(one)
    indexes = _boot_indexes(devices)
    local = next((one for one in devices if _destination(one) == "local"), None)
    if local is not None and indexes[devices.index(local)] != 0:
        raise BadRequest(_INVALID + "an image can be a local disk only as the one that is booted from.")
    reference = wanted.image_ref or (local.uuid if local is not None else None)
    volumes = [
        _disk(one, index, context, parts) for one, index in zip(devices, indexes, strict=True) if one is not local
    ]
    volumes.sort(key=lambda disk: disk.boot_index != 0)  # the root disk chooses its name first
    root = volumes[0] if volumes and volumes[0].boot_index == 0 else None
    if root is None and not reference:
        raise BadRequest("Invalid imageRef provided: give an image, or a volume with boot_index 0, to boot from.")
    if root is None:
        return Disks(
            parts.images.usable(str(reference), context.token), boots_from_volume=False, volumes=tuple(volumes)
        )
    image = parts.images.usable(str(root.source_id), context.token) if root.source_type == "image" else None
    return Disks(image, boots_from_volume=True, volumes=tuple(volumes))


def _destination(one: BlockDevice) -> str:
    return one.destination_type or ("volume" if one.source_type in ("volume", "snapshot") else "local")


def _check_kind(one: BlockDevice) -> None:
    if _destination(one) == "local" and one.source_type == "blank":
        raise BadRequest(_INVALID + "ephemeral and swap disks are the flavor's here; a blank disk must be a volume.")
    if _destination(one) == "local" and one.source_type != "image":
        raise BadRequest(_INVALID + f"Mapping {one.source_type} to local is not supported.")
    if one.source_type == "blank" and one.uuid:
        raise BadRequest(_INVALID + "Invalid device UUID: a blank disk has no source.")
    if one.source_type != "blank" and not one.uuid:
        raise BadRequest(_INVALID + "Missing device UUID.")


def _boot_indexes(devices: list[BlockDevice]) -> list[int | None]:
    """Each device's place in the boot order; None for one that is not booted from. Raises BadRequest."""
    indexes: list[int | None] = []
    for one in devices:
        text = str(one.boot_index if one.boot_index is not None else "").strip()
        if text.lower() in ("", "none"):
            # A single root image needs not say so.
            indexes.append(0 if _destination(one) == "local" else None)
        elif text.lstrip("-").isascii() and text.lstrip("-").isdigit() and len(text) < 6:
            indexes.append(int(text) if int(text) >= 0 else None)
        else:
            raise BadRequest(_BAD_BOOT_ORDER)
    order = sorted(index for index in indexes if index is not None)
    if order != list(range(len(order))):
        raise BadRequest(_BAD_BOOT_ORDER)
    return indexes


def _size(one: BlockDevice) -> int | None:
    """GiB. Raises BadRequest."""
    if one.volume_size in (None, ""):
        return None
    text = str(one.volume_size)
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise BadRequest(_INVALID + f"volume_size must be a whole number of GiB above 0, not {text[:20]}.")
    return int(text)


def _device(one: BlockDevice) -> str | None:
    try:
        return device_names.normal(one.device_name) if one.device_name else None
    except device_names.InvalidName:
        raise BadRequest(_INVALID + f"The supplied device path ({one.device_name}) is invalid.") from None


def _disk(one: BlockDevice, boot_index: int | None, context: Context, parts: ApiParts) -> Disk:
    disk = Disk(
        source_type=one.source_type,
        source_id=one.uuid,
        size=_size(one),
        boot_index=boot_index,
        device=_device(one),
        tag=one.tag,
        volume_type=one.volume_type,
        delete_on_termination=one.delete_on_termination,
    )
    match one.source_type:
        case "volume":
            return _of_volume(disk, context, parts)
        case "snapshot":
            return _of_snapshot(disk, context, parts)
        case "image":
            return _of_image(disk, context, parts)
    if disk.size is None:
        raise BadRequest(_INVALID + "Blank volumes (source: 'blank', dest: 'volume') need to have a non-zero size")
    if boot_index is not None:
        raise BadRequest(_BAD_BOOT_ORDER)
    return disk


def _of_volume(disk: Disk, context: Context, parts: ApiParts) -> Disk:
    volume = find_volume(str(disk.source_id), context, parts)
    if volume is None:
        refuse_elsewhere(str(disk.source_id), context, parts)
        raise BadRequest(_INVALID + f"failed to get volume {disk.source_id}.")
    check_status(volume)
    if disk.boot_index is not None and not volume.bootable:
        raise BadRequest(f"Block Device {volume.id} is not bootable.")
    return replace(disk, size=volume.size, multiattach=volume.multiattach, zone=volume.availability_zone)


def _of_snapshot(disk: Disk, context: Context, parts: ApiParts) -> Disk:
    try:
        snapshot = parts.volumes.snapshot(str(disk.source_id))
    except Refused as refused:
        raise BadRequest(refused.message) from None
    if snapshot is None or not context.sees_project(snapshot.project_id):
        raise BadRequest(_INVALID + f"failed to get snapshot {disk.source_id}.")
    if snapshot.status != "available":
        raise BadRequest(f"Invalid snapshot: snapshot {snapshot.id} is {snapshot.status}, not available.")
    if disk.size is not None and disk.size < snapshot.size:
        raise BadRequest(f"Volume of {disk.size} GiB is smaller than snapshot {snapshot.id}, {snapshot.size} GiB.")
    return replace(disk, size=disk.size or snapshot.size)


def _of_image(disk: Disk, context: Context, parts: ApiParts) -> Disk:
    image = parts.images.usable(str(disk.source_id), context.token)
    if disk.size is None:
        raise BadRequest(_INVALID + "Images with destination_type 'volume' need to have a non-zero size specified")
    if disk.size < image.min_disk_gb:
        raise BadRequest(
            f"Volume is smaller than the minimum size specified in image metadata: {image.min_disk_gb} GiB."
        )
    return disk


def zone_for(disks: Disks, zone: str | None, parts: ApiParts) -> str | None:
    """The zone the server must be in, so that it can have its volumes. Raises BadRequest where there is none."""
    if parts.settings.cross_az_attach:
        return zone
    for disk in disks.volumes:
        if disk.zone is not None and zone not in (None, disk.zone):
            raise BadRequest(
                f"Invalid volume: Instance and volume {disk.source_id} are not in the same availability_zone. "
                f"Instance is in {zone}. Volume is in {disk.zone}"
            )
        zone = zone or disk.zone
    return zone


def refuse_several(disks: Disks, count: int) -> None:
    """Raises BadRequest where several servers, or one server twice, would have the same volume."""
    named = [disk for disk in disks.volumes if disk.source_type == "volume"]
    if count > 1 and not all(disk.multiattach for disk in named):
        raise BadRequest("Unable to launch multiple instances with a single configured volume ID. Please launch your "
                         "instance one by one with different volumes.")  # fmt: skip
    ids = [disk.source_id for disk in named]
    if len(set(ids)) < len(ids):
        raise BadRequest(_INVALID + "a volume is named twice.")


def rows_for(
    session: Session, disks: Disks, instance: Instance, context: Context, parts: ApiParts
) -> list[VolumeAttachment]:
    """The attachments that a new server's row stands with. Raises BadRequest, Conflict, Forbidden."""
    used: list[str] = []
    rows = []
    for position, disk in enumerate(disks.volumes):
        is_new = disk.source_type != "volume"
        if not is_new:
            refuse_taken(session, str(disk.source_id), multiattach=disk.multiattach)
        device = (disk.device or device_names.ROOT) if disk.boot_index == 0 else choose_device(disk.device, used)
        used.append(device)
        rows.append(
            VolumeAttachment(
                id=context.request.new_id(f"block-device-{instance.launch_index}", position),
                number=time.time_ns(),
                instance_id=instance.id,
                volume_id=None if is_new else disk.source_id,
                device=device,
                tag=disk.tag,
                boot_index=disk.boot_index,
                delete_on_termination=disk.delete_on_termination,
                multiattach=disk.multiattach,
                source_type=disk.source_type,
                source_id=disk.source_id,
                volume_size=disk.size,
                volume_type=disk.volume_type,
                sealed_token=parts.seal.close(context.token) if is_new else None,
                status=AttachmentStatus.CREATING if is_new else AttachmentStatus.RESERVING,
                op=1,
                request_id=context.request.request_id,
                created_at=utcnow(),
            )
        )
    return rows

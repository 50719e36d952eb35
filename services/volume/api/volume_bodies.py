"""The bodies of requests that create and change volumes."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from services.volume.api.body import Body, Flag, Label, Metadata, Size, Text255, Uuid


class NewVolume(Body):
    """Unknown names are ignored before 3.53, as Cinder does, and refused from then on."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)

    name: Label | None = None
    display_name: Label | None = None
    description: Label | None = None
    display_description: Label | None = None
    volume_type: Text255 | None = None
    metadata: Metadata | None = None
    snapshot_id: Uuid | None = None
    source_volid: Uuid | None = None
    consistencygroup_id: Uuid | None = None
    group_id: Text255 | None = None
    backup_id: Uuid | None = None
    size: Size | None = None
    availability_zone: Text255 | None = None
    multiattach: Flag | None = None
    image_id: Text255 | None = None
    image_ref: Text255 | None = Field(None, alias="imageRef")

    @property
    def image(self) -> str | None:
        """The image to fill it from; clients give an id, old ones an address that ends with one."""
        reference = self.image_ref or self.image_id
        return reference.rsplit("/", 1)[-1] if reference else None


class NewVolumeBody(Body):
    volume: NewVolume
    scheduler_hints: dict[str, Any] | None = Field(None, alias="OS-SCH-HNT:scheduler_hints")


class VolumeChange(Body):
    name: Label | None = None
    display_name: Label | None = None
    description: Label | None = None
    display_description: Label | None = None
    metadata: Metadata | None = None


class VolumeChangeBody(Body):
    volume: VolumeChange

"""Request bodies of servers: closed, each field from its microversion on."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, IPvAnyAddress, StringConstraints

from services.compute.api.body import Body, Count, Flag, Metadata, Name, Text255
from services.compute.device_names import MOST

#: First microversion (2.x) of the fields that came later.
CREATE_SINCE = {"description": 19, "tags": 52, "trusted_image_certificates": 63, "host": 74,
                "hypervisor_hostname": 74, "hostname": 90}  # fmt: skip
UPDATE_SINCE = {"description": 19, "hostname": 90}


def _base64(text: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("It is not base64.") from None
    return text


Tag = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[^,/]+$")]
Hostname = Annotated[str, StringConstraints(min_length=2, max_length=63, pattern=r"^[a-zA-Z0-9-._]+$")]
DiskConfig = Literal["AUTO", "MANUAL"]
Description = Annotated[str | None, Field(max_length=255)]


class NetworkRequest(Body):
    uuid: str | None = None
    port: str | None = None
    fixed_ip: str | None = None
    tag: str | None = None


class BlockDevice(Body):
    uuid: str | None = None
    boot_index: int | str | None = None
    source_type: Literal["image", "volume", "snapshot", "blank"]
    destination_type: Literal["local", "volume"] | None = None
    delete_on_termination: Flag = False
    volume_size: int | str | None = None
    device_name: Annotated[str | None, Field(max_length=32)] = None
    guest_format: str | None = None
    disk_bus: str | None = None
    device_type: str | None = None
    tag: Tag | None = None
    volume_type: Text255 | None = None
    no_device: Flag | None = None


class SecurityGroupRef(Body):
    name: Text255


class NewServer(Body):
    name: Name
    image_ref: Annotated[str, Field(alias="imageRef", max_length=255)] = ""
    flavor_ref: Annotated[str | int, Field(alias="flavorRef")]
    key_name: Annotated[str | None, Field(max_length=255)] = None
    metadata: Metadata = {}
    min_count: Count = 1
    max_count: Count | None = None
    availability_zone: Name | None = None
    networks: list[NetworkRequest] | Literal["none", "auto"] | None = None
    security_groups: list[SecurityGroupRef] | None = None
    user_data: Annotated[str | None, Field(max_length=65535), AfterValidator(lambda v: v and _base64(v))] = None
    config_drive: Flag | None = None
    admin_pass: Annotated[str | None, Field(alias="adminPass", max_length=255)] = None
    access_ipv4: Annotated[IPvAnyAddress | None, Field(alias="accessIPv4")] = None
    access_ipv6: Annotated[IPvAnyAddress | None, Field(alias="accessIPv6")] = None
    disk_config: Annotated[DiskConfig, Field(alias="OS-DCF:diskConfig")] = "AUTO"
    block_devices: Annotated[list[BlockDevice], Field(alias="block_device_mapping_v2", max_length=MOST)] = []
    return_reservation_id: Flag = False
    description: Description = None
    tags: Annotated[list[Tag], Field(max_length=50)] = []
    personality: list[Any] | None = None
    trusted_image_certificates: list[str] | None = None
    host: Name | None = None
    hypervisor_hostname: Name | None = None
    hostname: Hostname | None = None


class NewServerBody(Body):
    server: NewServer
    hints: Annotated[dict[str, Any] | None, Field(alias="os:scheduler_hints")] = None
    old_hints: Annotated[dict[str, Any] | None, Field(alias="OS-SCH-HNT:scheduler_hints")] = None


class ServerChange(Body):
    name: Name | None = None
    access_ipv4: Annotated[IPvAnyAddress | Literal[""] | None, Field(alias="accessIPv4")] = None
    access_ipv6: Annotated[IPvAnyAddress | Literal[""] | None, Field(alias="accessIPv6")] = None
    disk_config: Annotated[DiskConfig | None, Field(alias="OS-DCF:diskConfig")] = None
    description: Description = None
    hostname: Hostname | None = None


class ServerChangeBody(Body):
    server: ServerChange

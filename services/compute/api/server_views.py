"""Servers as the API shows them: a closed set of keys, each from its microversion on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from fastapi import Request

from services.compute.api.links import resource_links
from services.compute.models import Instance, VolumeAttachment
from services.compute.states import Power, Task, VmState, api_status
from services.platform.context import Context
from services.platform.microversions import Microversion
from services.platform.times import zulu


def brief(request: Request, row: Instance) -> dict[str, Any]:
    return {"id": row.id, "name": row.name, "links": resource_links(request, "servers", row.id)}


def status_of(row: Instance) -> str:
    return api_status(VmState(row.vm_state), Task(row.task_state) if row.task_state else None)


def _host_id(row: Instance) -> str:
    """An opaque name of the host, different for each project, as Nova makes it."""
    return hashlib.sha224(f"{row.project_id}{row.host}".encode()).hexdigest() if row.host else ""


def _flavor(request: Request, row: Instance, version: Microversion) -> dict[str, Any]:
    flavor = row.flavor
    if version.minor < 47:
        links = [link for link in resource_links(request, "flavors", row.flavor_id) if link["rel"] == "bookmark"]
        return {"id": row.flavor_id, "links": links}
    return {
        "vcpus": flavor["vcpus"],
        "ram": flavor["memory_mb"],
        "disk": flavor["disk_gb"],
        "ephemeral": flavor["ephemeral_gb"],
        "swap": flavor["swap_mb"],
        "original_name": flavor["name"],
        "extra_specs": flavor["extra_specs"],
    }


def _image(request: Request, row: Instance) -> dict[str, Any] | str:
    if not row.image_ref:
        return ""
    links = [link for link in resource_links(request, "images", row.image_ref) if link["rel"] == "bookmark"]
    return {"id": row.image_ref, "links": links}


def _volume(one: VolumeAttachment, version: Microversion) -> dict[str, Any]:
    ends = {"delete_on_termination": one.delete_on_termination} if version.minor >= 3 else {}
    return {"id": one.volume_id} | ends


def _for_admins(row: Instance, version: Microversion) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "OS-EXT-SRV-ATTR:host": row.host,
        "OS-EXT-SRV-ATTR:instance_name": f"instance-{row.id[:8]}",
        "OS-EXT-SRV-ATTR:hypervisor_hostname": row.host,
    }
    if version.minor >= 3:
        shown |= {
            "OS-EXT-SRV-ATTR:reservation_id": row.reservation_id,
            "OS-EXT-SRV-ATTR:launch_index": row.launch_index,
            "OS-EXT-SRV-ATTR:hostname": row.hostname,
            "OS-EXT-SRV-ATTR:kernel_id": "",
            "OS-EXT-SRV-ATTR:ramdisk_id": "",
            "OS-EXT-SRV-ATTR:root_device_name": "/dev/vda",
            "OS-EXT-SRV-ATTR:user_data": row.user_data,
        }
    return shown


def detail(
    request: Request,
    row: Instance,
    version: Microversion,
    context: Context,
    zones: dict[str, str],
    volumes: Sequence[VolumeAttachment],
    *,
    single: bool,
    host_up: bool | None = None,
) -> dict[str, Any]:
    """One server. `zones` maps hosts to their zones; `single` is whether it is shown by itself, not in a list."""
    status = status_of(row)
    shown: dict[str, Any] = {
        **brief(request, row),
        "status": status,
        "tenant_id": row.project_id,
        "user_id": row.user_id,
        "metadata": row.meta,
        "hostId": _host_id(row),
        "image": _image(request, row),
        "flavor": _flavor(request, row, version),
        "created": zulu(row.created_at),
        "updated": zulu(row.updated_at or row.created_at),
        "addresses": {},
        "accessIPv4": row.access_ipv4 or "",
        "accessIPv6": row.access_ipv6 or "",
        "OS-DCF:diskConfig": row.disk_config,
        "OS-EXT-AZ:availability_zone": zones.get(row.host or "", row.requested_zone or ""),
        "config_drive": "True" if row.config_drive else "",
        "key_name": row.key_name,
        "OS-SRV-USG:launched_at": row.launched_at.isoformat(timespec="microseconds") if row.launched_at else None,
        "OS-SRV-USG:terminated_at": row.terminated_at.isoformat(timespec="microseconds") if row.terminated_at else None,
        "OS-EXT-STS:task_state": row.task_state,
        "OS-EXT-STS:vm_state": row.vm_state,
        "OS-EXT-STS:power_state": Power(row.power_state).number,
        "os-extended-volumes:volumes_attached": [_volume(one, version) for one in volumes],
    }
    if status in ("BUILD", "ACTIVE", "REBOOT", "HARD_REBOOT"):
        shown["progress"] = 0
    if row.host is not None or status != "ERROR":
        shown["security_groups"] = [{"name": "default"}]
    if context.is_admin:
        shown |= _for_admins(row, version)
    if row.fault is not None and status in ("ERROR", "DELETED"):
        visible = {key: row.fault[key] for key in ("code", "message", "created")}
        shown["fault"] = visible | ({"details": row.fault["details"]} if context.is_admin else {})
    return shown | _newer(row, version, context, single=single, host_up=host_up)


def _newer(
    row: Instance, version: Microversion, context: Context, *, single: bool, host_up: bool | None
) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if version.minor >= 9:
        shown["locked"] = row.locked_by is not None
    if version.minor >= 16 and context.is_admin:
        shown["host_status"] = "" if row.host is None else {True: "UP", False: "DOWN", None: "UNKNOWN"}[host_up]
    if version.minor >= 19:
        shown["description"] = row.description
    if version.minor >= 26:
        shown["tags"] = row.tags
    if version.minor >= 63:
        shown["trusted_image_certificates"] = None
    if version.minor >= 71 and single:
        shown["server_groups"] = []
    if version.minor >= 73:
        shown["locked_reason"] = row.locked_reason
    if version.minor >= 90:
        shown["OS-EXT-SRV-ATTR:hostname"] = row.hostname
    return shown

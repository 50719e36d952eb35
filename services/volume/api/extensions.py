"""The list of extensions, from when Cinder's API was made of them; clients look up some by name."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from services.platform.authentication import Authenticated
from services.platform.faults import NotFound
from services.platform.http import json_body

router = APIRouter()

#: Alias, name, what it says of itself.
_SERVED = (
    ("os-admin-actions", "AdminActions", "Enable admin actions."),
    ("os-availability-zone", "AvailabilityZones", "Describe Availability Zones."),
    ("os-extended-services", "ExtendedServices", "Extended services support."),
    ("os-extended-snapshot-attributes", "ExtendedSnapshotAttributes", "Extended SnapshotAttributes support."),
    ("os-hosts", "Hosts", "Admin-only host administration."),
    ("os-quota-class-sets", "QuotaClasses", "Quota classes management support."),
    ("os-quota-sets", "Quotas", "Quota management support."),
    ("os-services", "Services", "Services support."),
    ("os-snapshot-actions", "SnapshotActions", "Enable snapshot manager actions."),
    ("os-types-extra-specs", "TypesExtraSpecs", "Type extra specs support."),
    ("os-types-manage", "TypesManage", "Types manage support."),
    ("os-used-limits", "UsedLimits", "Provide data on limited resources that are being used."),
    ("os-vol-host-attr", "VolumeHostAttribute", "Expose host as an attribute of a volume."),
    ("os-vol-image-meta", "VolumeImageMetadata", "Show image metadata associated with the volume."),
    ("os-vol-mig-status-attr", "VolumeMigStatusAttribute", "Expose migration_status as an attribute of a volume."),
    ("os-vol-tenant-attr", "VolumeTenantAttribute", "Expose the internal project_id as an attribute of a volume."),
    ("os-volume-actions", "VolumeActions", "Enable volume actions."),
    ("os-volume-transfer", "VolumeTransfer", "Volume transfer management support."),
    ("os-volume-type-access", "VolumeTypeAccess", "Volume type access support."),
    ("qos-specs", "Qos_specs_manage", "QoS specs support."),
    ("scheduler-stats", "Scheduler_stats", "Scheduler stats support."),
)


def _view(alias: str, name: str, description: str) -> dict[str, Any]:
    updated = "2011-09-20T00:00:00+00:00"
    return {"alias": alias, "name": name, "description": description, "links": [], "updated": updated}


@router.get("/extensions")
def list_extensions(context: Authenticated) -> Response:
    return json_body(200, {"extensions": [_view(*one) for one in _SERVED]})


@router.get("/extensions/{alias}")
def show_extension(alias: str, context: Authenticated) -> Response:
    found = next((one for one in _SERVED if one[0] == alias), None)
    if found is None:
        raise NotFound(f"Extension {alias} could not be found.")
    return json_body(200, {"extension": _view(*found)})

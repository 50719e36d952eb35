"""What the region's one store can do, and whether that is what a volume type asks for. Pure.

Cinder's scheduler compares a type's extra specs with what back ends report; here there is one, so the answer is yes
or no.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: What the store reports of itself, as the list of pools shows it.
CAPABILITIES: Final[Mapping[str, object]] = {
    "volume_backend_name": "rbd",
    "vendor_name": "Open Source",
    "driver_version": "1.0.0",
    "storage_protocol": "ceph",
    "total_capacity_gb": "infinite",
    "free_capacity_gb": "infinite",
    "reserved_percentage": 0,
    "QoS_support": False,
    "multiattach": True,
    "thin_provisioning_support": True,
    "online_extend_support": True,
}

_SCOPE: Final = "capabilities"


def unmet(extra_specs: Mapping[str, str]) -> str | None:
    """The first of a type's demands that the store does not meet; None where it meets them all.

    Keys with a scope are for others, except the scope `capabilities`. A value is text, or `<is> True`.
    """
    for key, wanted in sorted(extra_specs.items()):
        scope, separator, name = key.rpartition(":")
        if separator and scope != _SCOPE:
            continue
        if name not in CAPABILITIES or not _meets(CAPABILITIES[name], wanted):
            return f"{key}={wanted}"
    return None


def _meets(offered: object, wanted: str) -> bool:
    operator, _, value = wanted.strip().partition(" ")
    if operator == "<is>":
        return str(offered).lower() == value.strip().lower()
    if operator == "<in>":
        return value.strip() in str(offered)
    return str(offered) == wanted.strip()

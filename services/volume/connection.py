"""What whoever attaches a volume needs to know to reach it: where the store is, which image, and whether it may write.

The driver type is `rbd`, as Cinder's for Ceph: an image of a pool, opened by name. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.volume.names import volume_image

DRIVER = "rbd"


def connection_data(store_url: str, volume_id: str, attachment_id: str | None, mode: str) -> dict[str, Any]:
    """The facts of one connection. `mode` is `rw` or `ro`."""
    return {
        "store_url": store_url,
        "name": f"volumes/{volume_image(volume_id)}",
        "image": volume_image(volume_id),
        "volume_id": volume_id,
        "attachment_id": attachment_id,
        "access_mode": mode,
        "discard": True,
        "encrypted": False,
        "cacheable": False,
        "qos_specs": None,
    }


def mode_of(readonly: bool | None, asked: str | None, connector: Mapping[str, Any]) -> str:
    """`ro` or `rw`: a volume that is read-only is never written; else what the attachment, then the connector, says."""
    if readonly:
        return "ro"
    wanted = asked if asked in ("ro", "rw") else connector.get("mode")
    return "ro" if wanted == "ro" else "rw"

"""Volumes as answers show them. The keys that each microversion has are closed sets to its clients."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from fastapi import Request
from sqlalchemy.orm import Session

from services.platform.context import Context
from services.platform.microversions import Microversion
from services.volume.api.links import resource_links
from services.volume.api.volume_queries import types_of
from services.volume.liveness import CLUSTER, POOL
from services.volume.models import Attachment, Volume, VolumeType
from services.volume.rows import attachments_of
from services.volume.states import AttachStatus


def moment(when: datetime | None) -> str | None:
    """Cinder's times: to the microsecond, no zone."""
    return when.isoformat(timespec="microseconds") if when else None


def brief(request: Request, row: Volume) -> dict[str, Any]:
    return {"id": row.id, "name": row.name, "links": resource_links(request, "volumes", row.id)}


class Views:
    """How the bearer of one request sees volumes."""

    def __init__(self, request: Request, context: Context, version: Microversion) -> None:
        self._request, self._context, self._version = request, context, version

    def shown(self, session: Session, row: Volume) -> dict[str, Any]:
        """As the answer to a show has it."""
        return self.listed(session, [row])[0]

    def listed(self, session: Session, rows: Sequence[Volume]) -> list[dict[str, Any]]:
        """As lists with details have them; three statements, however many volumes."""
        types, attachments = types_of(session, rows), attachments_of(session, [row.id for row in rows])
        return [
            self._plain(row, types, [one for one in attachments if one.volume_id == row.id]) | self._extended(row)
            for row in rows
        ]

    def changed(self, session: Session, row: Volume) -> dict[str, Any]:
        """As answers to creation and update have it: without what extensions add."""
        return self._plain(row, types_of(session, [row]), attachments_of(session, [row.id]))

    def _plain(self, row: Volume, types: dict[str, VolumeType], attachments: Iterable[Attachment]) -> dict[str, Any]:
        kind = types.get(row.type_id)
        shown = {
            "id": row.id,
            "status": row.status,
            "size": row.size,
            "availability_zone": row.availability_zone,
            "created_at": moment(row.created_at),
            "updated_at": moment(row.updated_at),
            "name": row.name,
            "description": row.description,
            "volume_type": kind.name if kind else None,
            "snapshot_id": row.snapshot_id,
            "source_volid": row.source_volid,
            "metadata": _metadata(row, attachments),
            "links": resource_links(self._request, "volumes", row.id),
            "user_id": row.user_id,
            "bootable": str(row.bootable).lower(),
            "encrypted": False,
            "replication_status": None,
            "consistencygroup_id": None,
            "multiattach": row.multiattach,
            "attachments": [self._attachment(one) for one in attachments if one.status == AttachStatus.ATTACHED],
        }
        return shown | self._since(row)

    def _since(self, row: Volume) -> dict[str, Any]:
        """What came with later microversions, or is for administrators only."""
        minor, more = self._version.minor, dict[str, Any]()
        if self._context.is_admin:
            more["migration_status"] = None
            if minor >= 21:
                more["provider_id"] = None
            if minor >= 61:
                more["cluster_name"] = CLUSTER
        if minor >= 13:
            more["group_id"] = None
        if minor >= 48:
            more |= {"shared_targets": False, "service_uuid": None}
        if minor >= 63:
            more["volume_type_id"] = row.type_id
        if minor >= 65:
            more["consumes_quota"] = True
        return more

    def _extended(self, row: Volume) -> dict[str, Any]:
        shown: dict[str, Any] = {"os-vol-tenant-attr:tenant_id": row.project_id}
        if row.image_meta:
            shown["volume_image_metadata"] = row.image_meta
        if self._context.is_admin:
            shown["os-vol-host-attr:host"] = POOL
            shown |= {"os-vol-mig-status-attr:migstat": None, "os-vol-mig-status-attr:name_id": None}
        return shown

    def _attachment(self, one: Attachment) -> dict[str, Any]:
        sees_hosts = self._context.is_admin or "service" in self._context.access.roles
        return {
            "id": one.volume_id,
            "attachment_id": one.id,
            "volume_id": one.volume_id,
            "server_id": one.instance_uuid,
            "host_name": one.attached_host if sees_hosts else None,
            "device": one.mountpoint,
            "attached_at": moment(one.attached_at),
        }


def _metadata(row: Volume, attachments: Iterable[Attachment]) -> dict[str, str]:
    """The user's own, and what the service says among it."""
    shown = dict(row.meta)
    if row.readonly is not None:
        shown["readonly"] = str(row.readonly)
    mode = next((one.attach_mode for one in attachments if one.status == AttachStatus.ATTACHED and one.attach_mode), "")
    return shown | ({"attached_mode": mode} if mode else {})

"""What compute asks of the volume service (Cinder v3), in its own name; new volumes in their user's.

3.67 is the first microversion whose addresses need no project; attachments that a server completes are from 3.44.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

import urllib3

from services.compute.settings import ComputeSettings
from services.platform.faults import Unavailable
from services.platform.outgoing import http_pool
from services.platform.service_token import ServiceToken

_MICROVERSION = "volume 3.67"
_ID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
_AWAY = "The volume service cannot be reached. Retry in a moment."


class Refused(Exception):
    """The volume service will not do it, now or later; the text says why."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message, self.status = message, status


@dataclass(frozen=True, slots=True)
class VolumeView:
    """What of a volume matters to compute. Size in GiB."""

    id: str
    project_id: str
    status: str
    size: int
    availability_zone: str
    bootable: bool = False
    multiattach: bool = False


@dataclass(frozen=True, slots=True)
class SnapshotView:
    """What of a snapshot matters to compute. Size in GiB."""

    id: str
    project_id: str
    status: str
    size: int


@dataclass(frozen=True, slots=True)
class AttachmentView:
    """One attachment as the volume service knows it."""

    id: str
    instance_id: str
    volume_id: str


class VolumeService(Protocol):
    """Every method raises Unavailable where nobody can say now, and Refused where the answer is no."""

    def show(self, volume_id: str) -> VolumeView | None:
        """None where there is none (any more)."""
        ...

    def snapshot(self, snapshot_id: str) -> SnapshotView | None: ...

    def named(self, name: str, project_id: str) -> list[VolumeView]:
        """A project's volumes of this name, oldest first."""
        ...

    def create(self, wanted: Mapping[str, Any], token: str) -> str:
        """The id of a new volume, made in the name of the token's bearer. Done twice, there are two."""
        ...

    def delete(self, volume_id: str) -> None:
        """The volume is to go. Refused where it may not, in its state."""
        ...

    def attachments(self, instance_id: str | None = None, volume_id: str | None = None) -> list[AttachmentView]:
        """Those of a server and a volume, or of all."""
        ...

    def reserve(self, volume_id: str, instance_id: str) -> str:
        """Keep the volume for a server; the attachment's id. Done twice, there are two."""
        ...

    def connect(self, attachment_id: str, connector: Mapping[str, Any]) -> dict[str, Any]:
        """Tell which host will have it; how to reach it."""
        ...

    def complete(self, attachment_id: str) -> None:
        """The server has it."""
        ...

    def release(self, attachment_id: str) -> None:
        """The server no longer has it. Nothing to do where there is no such attachment."""
        ...


class Volumes:
    """A client of the volume service."""

    def __init__(self, volume_url: str, own: ServiceToken) -> None:
        self._root = volume_url.rstrip("/") + "/v3/" if volume_url else ""
        self._own = own
        self._pool = http_pool(read_seconds=5.0)

    def show(self, volume_id: str) -> VolumeView | None:
        body = self._find("volumes", volume_id)
        return _volume(body["volume"]) if body else None

    def snapshot(self, snapshot_id: str) -> SnapshotView | None:
        body = self._find("snapshots", snapshot_id)
        if body is None:
            return None
        found = body["snapshot"]
        project = found["os-extended-snapshot-attributes:project_id"]
        return SnapshotView(found["id"], project, found["status"], found["size"])

    def named(self, name: str, project_id: str) -> list[VolumeView]:
        query = {"all_tenants": "1", "name": name, "project_id": project_id, "sort": "created_at:asc"}
        found = self._ask("GET", f"volumes/detail?{urlencode(query)}")["volumes"]
        return [volume for volume in map(_volume, found) if volume.project_id == project_id]

    def create(self, wanted: Mapping[str, Any], token: str) -> str:
        return str(self._ask("POST", "volumes", {"volume": dict(wanted)}, token=token)["volume"]["id"])

    def delete(self, volume_id: str) -> None:
        self._forget(f"volumes/{volume_id}")

    def attachments(self, instance_id: str | None = None, volume_id: str | None = None) -> list[AttachmentView]:
        wanted = {"instance_id": instance_id, "volume_id": volume_id}
        query = {"all_tenants": "1", "limit": "1000"} | {key: value for key, value in wanted.items() if value}
        found: list[AttachmentView] = []
        while page := self._ask("GET", f"attachments?{urlencode(query)}")["attachments"]:
            found += [AttachmentView(one["id"], one["instance"] or "", one["volume_id"]) for one in page]
            if len(page) < int(query["limit"]):
                break
            query["marker"] = page[-1]["id"]
        return [
            one
            for one in found
            if instance_id in (None, one.instance_id) and volume_id in (None, one.volume_id) and one.instance_id
        ]

    def reserve(self, volume_id: str, instance_id: str) -> str:
        body = {"attachment": {"volume_uuid": volume_id, "instance_uuid": instance_id}}
        return str(self._ask("POST", "attachments", body)["attachment"]["id"])

    def connect(self, attachment_id: str, connector: Mapping[str, Any]) -> dict[str, Any]:
        body = {"attachment": {"connector": dict(connector)}}
        answer = self._ask("PUT", f"attachments/{attachment_id}", body)
        return dict(answer["attachment"]["connection_info"] or {})

    def complete(self, attachment_id: str) -> None:
        self._ask("POST", f"attachments/{attachment_id}/action", {"os-complete": {}})

    def release(self, attachment_id: str) -> None:
        self._forget(f"attachments/{attachment_id}")

    def _find(self, collection: str, resource_id: str) -> dict[str, Any] | None:
        if not _ID.match(resource_id):
            return None
        try:
            return self._ask("GET", f"{collection}/{resource_id}")
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def _forget(self, path: str) -> None:
        try:
            self._ask("DELETE", path)
        except Refused as refused:
            if refused.status != 404:
                raise

    def _ask(self, method: str, path: str, body: object = None, *, token: str = "") -> dict[str, Any]:
        """The answer's body. Asks again with a new token where compute's own was refused."""
        if not self._root:
            raise Refused("This region has no volume service.")
        answer = self._once(method, path, body, token or self._own.get())
        if answer.status == 401 and not token:
            answer = self._once(method, path, body, self._own.get())
        if answer.status == 401 and token:
            raise Refused("The token that asked for the volume is not valid any more.", 401)
        if answer.status in (401, 408, 429) or answer.status >= 500:
            raise Unavailable(f"The volume service cannot answer just now ({answer.status}). Retry in a moment.")
        if answer.status >= 300:
            raise Refused(_message(answer), answer.status)
        return dict(json.loads(answer.data)) if answer.data else {}

    def _once(self, method: str, path: str, body: object, token: str) -> urllib3.BaseHTTPResponse:
        headers = {"X-Auth-Token": token, "OpenStack-API-Version": _MICROVERSION, "Content-Type": "application/json"}
        sent = json.dumps(body).encode() if body is not None else None
        try:
            answer = self._pool.request(method, self._root + path, body=sent, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(_AWAY) from error
        if answer.status == 401:
            self._own.forget(token)
        return answer


def volume_client(settings: ComputeSettings) -> Volumes:
    """The volume service as a process of compute sees it."""
    own = ServiceToken(settings.identity_url, settings.service_user, settings.service_password)
    return Volumes(settings.volume_url, own)


def _volume(body: Mapping[str, Any]) -> VolumeView:
    return VolumeView(
        id=body["id"],
        project_id=body["os-vol-tenant-attr:tenant_id"],
        status=body["status"],
        size=body["size"],
        availability_zone=body["availability_zone"],
        bootable=body["bootable"] == "true",
        multiattach=bool(body["multiattach"]),
    )


def _message(answer: urllib3.BaseHTTPResponse) -> str:
    """What the fault says, in Cinder's shape: `{"badRequest": {"code": 400, "message": "…"}}`."""
    try:
        (fault,) = json.loads(answer.data).values()
        return str(fault["message"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"The volume service refused ({answer.status})."

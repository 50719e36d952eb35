"""Requests to the volume service as they are, and waiting for what it does in the background."""

from __future__ import annotations

import json
import time
from typing import Any

import urllib3
from openstack.connection import Connection

from tests.cloud import Cloud, Raw

LATEST = "3.67"


class Volumes:
    """The volume service as one user sees it."""

    def __init__(self, cloud: Cloud, user: Connection) -> None:
        self.project_id = user.current_project_id
        self.root = cloud.url_of("block-storage")
        self._raw = Raw(f"{self.root}/v3/{self.project_id}", user.auth_token)

    def __call__(
        self, method: str, path: str, body: Any = None, *, version: str = LATEST, **more: Any
    ) -> urllib3.BaseHTTPResponse:
        headers = {"OpenStack-API-Version": f"volume {version}"} | more.pop("headers", {})
        return self._raw(method, path, body, headers=headers, **more)

    def ask(
        self, method: str, path: str, body: Any = None, *, status: int = 200, version: str = LATEST, **more: Any
    ) -> Any:
        """The answer's body, which must have this status."""
        answer = self(method, path, body, version=version, **more)
        assert answer.status == status, f"{method} {path}: {answer.status} {answer.data[:500]!r}"
        return json.loads(answer.data) if answer.data else None

    def refused(
        self, method: str, path: str, body: Any = None, *, version: str = LATEST, **more: Any
    ) -> tuple[int, str]:
        """The status and message of a fault, which must have Cinder's shape."""
        answer = self(method, path, body, version=version, **more)
        names = {
            400: "badRequest", 401: "unauthorized", 403: "forbidden", 404: "itemNotFound", 405: "badMethod",
            406: "computeFault", 409: "conflictingRequest", 413: "overLimit",
        }  # fmt: skip
        assert answer.status in names, f"{method} {path}: {answer.status} {answer.data[:500]!r}"
        fault = json.loads(answer.data)[names[answer.status]]
        assert fault["code"] == answer.status
        return answer.status, fault["message"]

    def create(self, *, wait: str | None = "available", **wanted: Any) -> str:
        volume_id: str = self.ask("POST", "/volumes", {"volume": {"size": 1} | wanted}, status=202)["volume"]["id"]
        if wait is not None:
            self.wait(volume_id, wait)
        return volume_id

    def snapshot(self, volume_id: str) -> str:
        body = {"snapshot": {"volume_id": volume_id}}
        snapshot_id: str = self.ask("POST", "/snapshots", body, status=202)["snapshot"]["id"]
        self.wait(snapshot_id, "available", "snapshots")
        return snapshot_id

    def show(self, resource_id: str, kind: str = "volumes") -> dict[str, Any]:
        shown: dict[str, Any] = self.ask("GET", f"/{kind}/{resource_id}")[kind[:-1]]
        return shown

    def act(self, volume_id: str, action: str, argument: Any = None, *, status: int = 202) -> Any:
        return self.ask("POST", f"/volumes/{volume_id}/action", {action: argument}, status=status)

    def wait(self, resource_id: str, status: str, kind: str = "volumes", seconds: float = 30) -> None:
        """Until it has this status, or is `gone`."""
        give_up = time.monotonic() + seconds
        while True:
            answer = self("GET", f"/{kind}/{resource_id}")
            found = "gone" if answer.status == 404 else json.loads(answer.data)[kind[:-1]]["status"]
            if found == status:
                return
            assert time.monotonic() < give_up, f"{resource_id} is {found}, not {status}, after {seconds} s"
            time.sleep(0.03)

    def delete(self, resource_id: str, kind: str = "volumes", query: str = "") -> None:
        self.ask("DELETE", f"/{kind}/{resource_id}{query}", status=202)
        self.wait(resource_id, "gone", kind)

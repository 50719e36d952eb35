"""One region as a move sees it: a thin shell around openstacksdk's connection, asking OpenStack's public APIs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

from lab.moves.errors import MoveRefusedError
from lab.moves.facts import FROM_KEY, IMAGE_KEY, Flavor, Image, Keypair, Room, Server

_UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
#: The newest microversion that is asked for; 2.90 shows all that a server was made with.
_MICROVERSION = "2.90"


class Region(Protocol):
    """What a move asks of a region. Deleting what is gone is no error."""

    name: str

    def project(self) -> str: ...
    def find(self, name_or_id: str) -> Server | None: ...
    def moved_here(self, source_id: str, name: str | None) -> list[Server]: ...
    def flavors(self) -> list[Flavor]: ...
    def room(self) -> Room: ...
    def keypair(self, name: str) -> Keypair | None: ...
    def add_keypair(self, keypair: Keypair) -> None: ...
    def boot(self, wanted: Mapping[str, Any]) -> None: ...
    def mark(self, server_id: str, marks: Mapping[str, str]) -> None: ...
    def set_metadata(self, server_id: str, metadata: Mapping[str, str]) -> None: ...
    def stop(self, server_id: str) -> None: ...
    def start(self, server_id: str) -> None: ...
    def delete(self, server_id: str) -> None: ...
    def console(self, server_id: str) -> str: ...
    def snapshot(self, server_id: str, name: str, metadata: Mapping[str, str]) -> None: ...
    def images(self, source_id: str) -> list[Image]: ...
    def is_readable(self, image: Image) -> bool: ...
    def delete_image(self, image_id: str) -> None: ...


class SdkRegion:
    """A region through a connection to it."""

    def __init__(self, name: str, connection: Any) -> None:
        self.name, self._connection = name, connection

    def project(self) -> str:
        return str(self._connection.current_project_id)

    def find(self, name_or_id: str) -> Server | None:
        if _UUID.match(name_or_id):
            found = self._compute("GET", f"/servers/{name_or_id}", missing_ok=True)
            return _server(found["server"]) if found else None
        listed = self._servers({"name": f"^{re.escape(name_or_id)}$"})
        if len(listed) > 1:
            raise MoveRefusedError(f"{len(listed)} servers in {self.name} are called {name_or_id}; give the id of one.")
        return listed[0] if listed else None

    def moved_here(self, source_id: str, name: str | None) -> list[Server]:
        query = {"sort_key": "created_at", "sort_dir": "asc"} | ({"name": f"^{re.escape(name)}$"} if name else {})
        return [one for one in self._servers(query) if one.metadata.get(FROM_KEY) == source_id]

    def _servers(self, query: Mapping[str, str]) -> list[Server]:
        return [_server(one) for one in self._compute("GET", "/servers/detail", params=query)["servers"]]

    def flavors(self) -> list[Flavor]:
        return [_flavor(one) for one in self._compute("GET", "/flavors/detail")["flavors"]]

    def room(self) -> Room:
        limits = self._compute("GET", "/limits")["limits"]["absolute"]

        def left(limit: str, used: str) -> int | None:
            return None if limits[limit] < 0 else limits[limit] - limits[used]

        return Room(
            left("maxTotalInstances", "totalInstancesUsed"),
            left("maxTotalCores", "totalCoresUsed"),
            left("maxTotalRAMSize", "totalRAMUsed"),
        )

    def keypair(self, name: str) -> Keypair | None:
        found = self._compute("GET", f"/os-keypairs/{name}", missing_ok=True)
        if not found:
            return None
        one = found["keypair"]
        return Keypair(one["name"], one["fingerprint"], one["public_key"], one["type"])

    def add_keypair(self, keypair: Keypair) -> None:
        body = {"name": keypair.name, "public_key": keypair.public_key, "type": keypair.type}
        self._compute("POST", "/os-keypairs", json={"keypair": body})

    def boot(self, wanted: Mapping[str, Any]) -> None:
        self._compute("POST", "/servers", json={"server": dict(wanted)})

    def mark(self, server_id: str, marks: Mapping[str, str]) -> None:
        self._compute("POST", f"/servers/{server_id}/metadata", json={"metadata": dict(marks)})

    def set_metadata(self, server_id: str, metadata: Mapping[str, str]) -> None:
        self._compute("PUT", f"/servers/{server_id}/metadata", json={"metadata": dict(metadata)})

    def stop(self, server_id: str) -> None:
        self._act(server_id, {"os-stop": None})

    def start(self, server_id: str) -> None:
        self._act(server_id, {"os-start": None})

    def delete(self, server_id: str) -> None:
        self._compute("DELETE", f"/servers/{server_id}", missing_ok=True)

    def console(self, server_id: str) -> str:
        return str(self._act(server_id, {"os-getConsoleOutput": {}})["output"])

    def snapshot(self, server_id: str, name: str, metadata: Mapping[str, str]) -> None:
        self._act(server_id, {"createImage": {"name": name, "metadata": dict(metadata)}})

    def _act(self, server_id: str, action: Mapping[str, Any]) -> dict[str, Any]:
        return self._compute("POST", f"/servers/{server_id}/action", json=dict(action))

    def _compute(self, method: str, path: str, *, missing_ok: bool = False, **more: Any) -> dict[str, Any]:
        answer = self._connection.compute.request(path, method, microversion=_MICROVERSION, raise_exc=False, **more)
        return _body(answer, missing_ok)

    def images(self, source_id: str) -> list[Image]:
        query = {IMAGE_KEY: source_id, "sort_key": "created_at", "sort_dir": "asc"}
        found = _body(self._connection.image.request("/images", "GET", params=query, raise_exc=False))["images"]
        return [Image(one["id"], one["status"], one.get("size")) for one in found]

    def is_readable(self, image: Image) -> bool:
        """Whether the image's last byte, and so its whole length, can be read here."""
        last = max(0, (image.size or 0) - 1)
        with self._connection.image.request(
            f"/images/{image.id}/file", "GET", headers={"Range": f"bytes={last}-{last}"}, stream=True, raise_exc=False
        ) as answer:
            if answer.status_code == 206:
                return bool(answer.headers.get("Content-Range", "").endswith(f"/{image.size}") and answer.content)
            return answer.status_code == 200 and answer.headers.get("Content-Length") in (None, str(image.size))

    def delete_image(self, image_id: str) -> None:
        _body(self._connection.image.request(f"/images/{image_id}", "DELETE", raise_exc=False), missing_ok=True)


def _body(answer: Any, missing_ok: bool = False) -> dict[str, Any]:
    """Raises what the SDK raises for an answer that is an error."""
    from openstack import exceptions

    if missing_ok and answer.status_code == 404:
        return {}
    exceptions.raise_from_response(answer)
    return dict(answer.json()) if answer.content else {}


def _flavor(body: Mapping[str, Any]) -> Flavor:
    name = body.get("original_name") or body["name"]
    return Flavor(str(body.get("id", name)), name, body["vcpus"], body["ram"], body["disk"])


def _server(body: Mapping[str, Any]) -> Server:
    return Server(
        id=body["id"],
        name=body["name"],
        status=body["status"],
        flavor=_flavor(body["flavor"]),
        project_id=body["tenant_id"],
        image_id=body["image"]["id"] if body["image"] else "",
        metadata=dict(body["metadata"]),
        is_busy=body["OS-EXT-STS:task_state"] is not None,
        is_locked=bool(body["locked"]),
        volumes=tuple(one["id"] for one in body["os-extended-volumes:volumes_attached"]),
        key_name=body["key_name"],
        tags=tuple(body["tags"]),
        description=body["description"],
        hostname=body.get("OS-EXT-SRV-ATTR:hostname"),
        user_data=body.get("OS-EXT-SRV-ATTR:user_data"),
        config_drive=body["config_drive"] == "True",
        has_network=bool(body["addresses"]),
        problem=(body.get("fault") or {}).get("message", ""),
    )

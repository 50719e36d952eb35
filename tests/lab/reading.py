"""Reads what is there when all is over: through the APIs, and from the hosts' own disks."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from docker.errors import APIError

from lab.hosts import Host, read_host
from lab.topology import parts_with_role
from tests.lab.client import Client, read
from tests.lab.final_state import FinalState, Guest, Server
from tests.lab.history import History, Operation, Outcome
from tests.lab.region import Region
from tests.lab.tenant import Tenant

GUESTS = "/var/lib/quorate/guests"

T = TypeVar("T")


class UnreadableError(Exception):
    """A question about the final state got no answer."""


def read_state(region: Region, tenant: Tenant, operations: Iterable[Operation]) -> FinalState:
    """Everything that the verdict holds against the history."""
    operations = list(operations)
    with region.client() as admin, tenant.client(History()) as client:
        servers = tried(lambda: read_servers(admin, tenant))
        return replace(
            read_rows(admin, client, tenant, operations),
            servers=servers,
            hosts=tried(lambda: _hosts(admin)),
            guests=tried(lambda: read_guests(region, {server.id for server in servers or ()})),
        )


def read_rows(admin: Client, client: Client, tenant: Tenant, operations: Sequence[Operation]) -> FinalState:
    """What identity and image have of a tenant; nothing else is read."""
    images = tried(lambda: _all_images(client, tenant))
    return FinalState(
        rows={
            "user": tried(lambda: _named(admin, "users", tenant)),
            "project": tried(lambda: _named(admin, "projects", tenant)),
            "image": None if images is None else {image["id"]: image["name"] for image in images},
        },
        checksums=tried(lambda: _checksums(client, operations)),
        tags=None if images is None else {image["id"]: frozenset(image["tags"]) for image in images},
    )


def read_servers(admin: Client, tenant: Tenant) -> tuple[Server, ...]:
    """The tenant's servers, with what only an administrator sees."""
    found: list[dict[str, Any]] = []
    marker = ""
    while page := _get(
        admin, "compute", f"/v2.1/servers/detail?all_tenants=1&project_id={tenant.project}&limit=200{marker}"
    )["servers"]:
        found += page
        marker = f"&marker={page[-1]['id']}"
    return tuple(_server(row) for row in found)


def read_guests(region: Region, servers: set[str]) -> tuple[Guest, ...]:
    """What the hosts' journals say of some servers."""
    guests = []
    for part in parts_with_role("compute"):
        container = region.engine.client.containers.get(region.topology.container(part.name))
        try:
            chunks, _ = container.get_archive(GUESTS)
        except APIError as error:
            raise UnreadableError(f"journal of {part.name}: {error}") from error
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
            for member in archive.getmembers():
                server = member.name.rpartition("/")[2].removesuffix(".json")
                file = archive.extractfile(member) if member.name.endswith(".json") and server in servers else None
                if file:
                    entry = json.load(file)
                    guests.append(Guest(part.name, server, entry["done"], entry["gone"]))
    return tuple(guests)


def tried(question: Callable[[], T]) -> T | None:
    try:
        return question()
    except UnreadableError:
        return None


def _get(client: Client, service: str, path: str) -> Any:
    answer = client.ask("GET", service, path, patience=30)
    if answer.outcome is not Outcome.OK:
        raise UnreadableError(f"GET {path}: {answer.status} {answer.why}")
    return answer.json()


def _named(admin: Client, noun: str, tenant: Tenant) -> dict[str, str]:
    return {
        row["id"]: row["name"]
        for row in _get(admin, "identity", f"/v3/{noun}")[noun]
        if row["name"].startswith(tenant.prefix)
    }


def _all_images(client: Client, tenant: Tenant) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    path = f"/v2/images?owner={tenant.project}&limit=100"
    while path:
        body = _get(client, "image", path)
        found += body["images"]
        path = body.get("next", "")
    return found


def _checksums(client: Client, operations: Iterable[Operation]) -> dict[str, str]:
    """Of the data itself, read again; an image that is not there has none."""
    found = {}
    for row in {row for one in operations if one.kind == "upload image" for row in one.ids}:
        answer = client.ask("GET", "image", f"/v2/images/{row}/file", patience=30)
        if answer.outcome is Outcome.OK:
            found[row] = hashlib.sha256(answer.data).hexdigest()
        elif answer.status not in (204, 403, 404):
            raise UnreadableError(f"data of {row}: {answer.status} {answer.why}")
    return found


def _hosts(admin: Client) -> tuple[Host, ...]:
    return tuple(map(read_host, _get(admin, "compute", "/v2.1/os-hypervisors/detail")["hypervisors"]))


def _server(row: dict[str, Any]) -> Server:
    flavor = row["flavor"]
    return Server(
        id=row["id"],
        name=row["name"],
        status=row["status"],
        task=row["OS-EXT-STS:task_state"],
        host=row["OS-EXT-SRV-ATTR:host"],
        fault=read(row, "fault.message") if "fault" in row else "",
        vcpus=flavor["vcpus"],
        memory_mb=flavor["ram"],
        disk_gb=flavor["disk"] + flavor["ephemeral"],
    )

"""A project of its own for each trial, with a user, an image to boot from, and an end that leaves nothing behind."""

import time
import uuid
from dataclasses import dataclass

from tests.lab.client import Client, Login, read
from tests.lab.history import History, Outcome
from tests.lab.region import Region, until

FLAVOR = "42"  # m1.nano


@dataclass(frozen=True)
class Tenant:
    """Who the load's requests come from."""

    prefix: str
    project: str
    user: str
    login: Login
    image: str

    def client(self, history: History) -> Client:
        """A client of this user, with a token of its own."""
        client = Client(self.login, history)
        client.log_in()
        return client

    def server(self, name: str, **more: object) -> dict[str, dict[str, object]]:
        """The request for a server."""
        return {
            "server": {"name": name, "flavorRef": FLAVOR, "imageRef": self.image, "networks": "none", **more},
        }


def make_tenant(region: Region) -> Tenant:
    """A new project with a member and a small image."""
    prefix = f"fo-{uuid.uuid4().hex[:8]}"
    password = uuid.uuid4().hex
    with region.client() as admin:
        project = _made(admin, "identity", "/v3/projects", {"project": {"name": prefix}}, "project.id")
        member = {"user": {"name": prefix, "password": password, "default_project_id": project}}
        user = _made(admin, "identity", "/v3/users", member, "user.id")
        role = read(_got(admin, "identity", "/v3/roles?name=member"), "roles.0.id")
        grant = admin.ask("PUT", "identity", f"/v3/projects/{project}/users/{user}/roles/{role}")
        assert grant.outcome is Outcome.OK, grant
    login = Login(region.urls, prefix, password, prefix)
    with Client(login) as client:
        client.log_in()
        wanted = {"name": f"{prefix}-boot", "disk_format": "raw", "container_format": "bare"}
        image = _made(client, "image", "/v2/images", wanted, "id")
        sent = client.ask("PUT", "image", f"/v2/images/{image}/file", b"boot" * 1024)
        assert sent.outcome is Outcome.OK, sent
    return Tenant(prefix, project, user, login, image)


def remove_tenant(region: Region, tenant: Tenant) -> None:
    """Delete all that was made for a trial."""
    with region.client() as admin:
        servers = f"/v2.1/servers?all_tenants=1&project_id={tenant.project}"

        def left() -> str:
            there = _got(admin, "compute", servers)["servers"]
            for server in there:
                admin.ask("DELETE", "compute", f"/v2.1/servers/{server['id']}")
            return f"{len(there)} servers" if there else ""

        until(left, 60 * region.slow, "end of the trial's servers")
        while images := _got(admin, "image", f"/v2/images?owner={tenant.project}&limit=100")["images"]:
            for image in images:
                admin.ask("DELETE", "image", f"/v2/images/{image['id']}")
        for noun in ("users", "projects"):
            for row in _got(admin, "identity", f"/v3/{noun}")[noun]:
                if row["name"].startswith(tenant.prefix):
                    admin.ask("DELETE", "identity", f"/v3/{noun}/{row['id']}")


def _made(client: Client, service: str, path: str, body: object, where: str) -> str:
    answer = client.ask("POST", service, path, body)
    assert answer.outcome is Outcome.OK, (path, answer.status, answer.why)
    return read(answer.json(), where)


def _got(client: Client, service: str, path: str) -> dict[str, list[dict[str, str]]]:
    give_up = time.monotonic() + 20
    while True:
        answer = client.ask("GET", service, path)
        if answer.outcome is Outcome.OK:
            body: dict[str, list[dict[str, str]]] = answer.json()
            return body
        assert time.monotonic() < give_up, (path, answer.status, answer.why)

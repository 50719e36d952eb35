"""A project of its own for each run, with a user, an image and a server; its end leaves nothing behind."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any

from lab.errors import NotReadyError
from lab.registers import Outcome
from lab.watch.client import Answer, Client, Login

FLAVOR = "42"  # m1.nano
IMAGE = b"quorate watches\n" * 256
SETTLE, AGAIN = 60.0, 0.2


@dataclass(frozen=True)
class Tenant:
    """What a run's requests are about."""

    prefix: str
    project: str
    user: str
    login: Login
    image: str
    server: str

    @property
    def container(self) -> str:
        """Where the objects are: a path under the service's root."""
        return f"/v1/AUTH_{self.project}/{self.prefix}"

    def new_server(self, name: str) -> dict[str, Any]:
        """The request for one more server."""
        return {"server": {"name": name, "flavorRef": FLAVOR, "imageRef": self.image, "networks": "none"}}


def insist(client: Client, method: str, service: str, path: str, body: Any = None, give_up: float = SETTLE) -> Answer:
    """Ask until it succeeds; for what is prepared and cleared away. Raises NotReadyError."""
    until = time.monotonic() + give_up
    while True:
        answer = client.ask(method, service, path, body, seconds=10)
        if answer.outcome is Outcome.OK or (method == "DELETE" and answer.status == 404):
            return answer
        if time.monotonic() > until:
            raise NotReadyError(f"{method} {path} does not succeed: {answer.why or answer.status}.")
        time.sleep(AGAIN)


def make(admin: Client) -> Tenant:
    """Prepare a run. Raises NotReadyError."""
    prefix, password = f"watch-{secrets.token_hex(3)}", secrets.token_hex(16)
    project = insist(admin, "POST", "identity", "/v3/projects", {"project": {"name": prefix}}).json()["project"]["id"]
    wanted = {"user": {"name": prefix, "password": password, "default_project_id": project}}
    user = insist(admin, "POST", "identity", "/v3/users", wanted).json()["user"]["id"]
    role = insist(admin, "GET", "identity", "/v3/roles?name=member").json()["roles"][0]["id"]
    insist(admin, "PUT", "identity", f"/v3/projects/{project}/users/{user}/roles/{role}")
    login = Login(admin.login.urls, prefix, password, prefix)
    client = Client(login)
    try:
        while client.log_in(10).outcome is not Outcome.OK:
            time.sleep(AGAIN)
        image = {"name": prefix, "disk_format": "raw", "container_format": "bare"}
        image_id = insist(client, "POST", "image", "/v2/images", image).json()["id"]
        insist(client, "PUT", "image", f"/v2/images/{image_id}/file", IMAGE)
        draft = Tenant(prefix, project, user, login, image_id, "")
        made = insist(client, "POST", "compute", "/v2.1/servers", draft.new_server(f"{prefix}-standing"))
        server = made.json()["server"]["id"]
        until = time.monotonic() + SETTLE
        while status_of(client, server) != "ACTIVE":
            if time.monotonic() > until:
                raise NotReadyError("The run's server does not become ACTIVE; see `quorate status`.")
            time.sleep(AGAIN)
        insist(client, "PUT", "object", f"/v1/AUTH_{project}/{prefix}")
    finally:
        client.close()
    return Tenant(prefix, project, user, login, image_id, server)


def status_of(client: Client, server: str, seconds: float = 2.0) -> str:
    """A server's status, "" where there is no answer, "gone" where there is no server."""
    answer = client.ask("GET", "compute", f"/v2.1/servers/{server}", seconds=seconds)
    if answer.status == 404:
        return "gone"
    return str(answer.json()["server"]["status"]) if answer.outcome is Outcome.OK else ""


def remove(admin: Client, client: Client, tenant: Tenant) -> None:
    """Delete all that a run has made."""
    path = f"/v2.1/servers?all_tenants=1&project_id={tenant.project}"
    until = time.monotonic() + SETTLE
    while there := insist(admin, "GET", "compute", path).json()["servers"]:
        for server in there:
            admin.ask("DELETE", "compute", f"/v2.1/servers/{server['id']}", seconds=10)
        if time.monotonic() > until:
            break
        time.sleep(AGAIN)
    while names := insist(client, "GET", "object", f"{tenant.container}?limit=1000").data.decode().split():
        for name in names:
            insist(client, "DELETE", "object", f"{tenant.container}/{name}")
        if time.monotonic() > until:
            break
    client.ask("DELETE", "object", tenant.container, seconds=10)
    insist(admin, "DELETE", "image", f"/v2/images/{tenant.image}")
    insist(admin, "DELETE", "identity", f"/v3/users/{tenant.user}")
    insist(admin, "DELETE", "identity", f"/v3/projects/{tenant.project}")

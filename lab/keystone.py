"""The lab's own administrator session: a token, and the few questions that need one."""

import json
from typing import Any

import urllib3

from lab import wire
from lab.facts import Agent
from lab.topology import Topology

SECONDS = 3.0  # an answer that takes a password's hash and the database may be slow on a busy machine


class Session:
    """Asks the published addresses, as any client would."""

    def __init__(self, topology: Topology, password: str) -> None:
        self.urls = topology.urls
        self._password = password
        self._token = ""

    def answers(self, name: str) -> bool:
        """Whether a service answers its health check through the whole entrance."""
        return wire.get(f"{self.urls[name]}/healthcheck") is not None

    def agents(self) -> tuple[Agent, ...] | None:
        """The schedulers, conductors and compute agents that the compute API knows."""
        found = self._get_services()
        if found is None:
            self._token = self._new_token()
            found = self._get_services() if self._token else None
        return None if found is None else read_agents(found)

    def _get_services(self) -> list[dict[str, Any]] | None:
        if not self._token:
            return None
        url = f"{self.urls['compute']}/v2.1/os-services"
        answer = wire.as_json(wire.get(url, headers={"X-Auth-Token": self._token}, seconds=SECONDS))
        return answer.get("services") if isinstance(answer, dict) else None

    def _new_token(self) -> str:
        domain = {"name": "Default"}
        user = {"name": "admin", "domain": domain, "password": self._password}
        identity = {"methods": ["password"], "password": {"user": user}}
        body = {"auth": {"identity": identity, "scope": {"project": {"name": "admin", "domain": domain}}}}
        try:
            with urllib3.PoolManager(timeout=SECONDS, retries=False) as pool:
                answer = pool.request(
                    "POST",
                    f"{self.urls['identity']}/v3/auth/tokens",
                    body=json.dumps(body),
                    headers={"Content-Type": "application/json"},
                )
                return answer.headers.get("X-Subject-Token", "") if answer.status == 201 else ""
        except (urllib3.exceptions.HTTPError, OSError):
            return ""


def read_agents(services: list[dict[str, Any]]) -> tuple[Agent, ...]:
    """The compute API's list of services."""
    return tuple(
        Agent(row["binary"], row["host"], row.get("state") == "up", row.get("status") == "enabled") for row in services
    )

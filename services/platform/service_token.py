"""A service's own token, for what it does in its own name at another service."""

from __future__ import annotations

import json
import threading
import time

import urllib3

from services.platform.faults import Unavailable
from services.platform.outgoing import http_pool
from services.platform.times import parse_time, to_epoch

#: A token is replaced when it has less than this left, seconds.
_MARGIN = 120.0
#: Where identity is away meanwhile, the old token goes on being used, and identity is asked so often, seconds.
_ASK_AGAIN = 5.0


class ServiceToken:
    """Logs in as `user` on the project `service` when a token is needed, and keeps it until shortly before its end."""

    def __init__(self, identity_url: str, user: str, password: str) -> None:
        self._url = identity_url.rstrip("/") + "/v3/auth/tokens?nocatalog"
        self._user, self._password = user, password
        self._pool = http_pool(read_seconds=5.0)
        self._lock = threading.Lock()
        self._token, self._expires_at, self._project_id = "", 0.0, ""
        self._ask_at = 0.0

    def get(self) -> str:
        """A valid token. Raises Unavailable where there is none, and identity cannot be reached or refuses."""
        with self._lock:
            now = time.time()
            if now > self._expires_at - _MARGIN and now > self._ask_at:
                self._renew(now)
            return self._token

    def project_id(self) -> str:
        """The id of the project `service`. Raises Unavailable."""
        if not self._project_id:
            self.get()
        return self._project_id

    def _renew(self, now: float) -> None:
        try:
            self._token, self._expires_at, self._project_id = self._log_in()
        except Unavailable:
            if now > self._expires_at:
                raise
            self._ask_at = now + _ASK_AGAIN

    def forget(self, token: str) -> None:
        """Another service has refused this token: ask for a new one next time."""
        with self._lock:
            if token == self._token:
                self._expires_at = self._ask_at = 0.0

    def _log_in(self) -> tuple[str, float, str]:
        domain = {"name": "Default"}
        user = {"name": self._user, "domain": domain, "password": self._password}
        body = {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": {"project": {"name": "service", "domain": domain}},
            }
        }
        headers = {"Content-Type": "application/json"}
        try:
            answer = self._pool.request("POST", self._url, body=json.dumps(body).encode(), headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable("The identity service cannot be reached. Retry in a moment.") from error
        if answer.status != 201:
            raise Unavailable(f"Identity did not let the service user {self._user} in: {answer.status}.")
        token = json.loads(answer.data)["token"]
        return answer.headers["X-Subject-Token"], to_epoch(parse_time(token["expires_at"])), token["project"]["id"]

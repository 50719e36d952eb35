"""Token validation as the services other than identity do it: ask identity, remember briefly, survive its absence.

A token that was validated within `cache_seconds` is believed. An older one is validated again; when identity does not
answer, what it last said is believed until the token expires (docs/decisions/0003). Revocation therefore takes effect
within `cache_seconds` wherever identity is reachable.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import urllib3

from services.platform.context import Access
from services.platform.faults import Unauthorized, Unavailable
from services.platform.outgoing import http_pool
from services.platform.times import parse_time, to_epoch

log = logging.getLogger(__name__)


class TokenValidator(Protocol):
    """Says whose a token is. `cached` never blocks; `validate` may, and raises Unauthorized or Unavailable."""

    def cached(self, token: str) -> Access | None: ...

    def validate(self, token: str) -> Access: ...


def access_from_body(body: dict[str, Any]) -> Access:
    """What identity's `GET /v3/auth/tokens` answer says, as an `Access`."""
    token = body["token"]
    project = token.get("project") or {}
    return Access(
        user_id=token["user"]["id"],
        user_name=token["user"]["name"],
        user_domain_id=token["user"]["domain"]["id"],
        project_id=project.get("id"),
        project_name=project.get("name"),
        project_domain_id=project.get("domain", {}).get("id"),
        domain_id=(token.get("domain") or {}).get("id"),
        system=bool(token.get("system")),
        roles=frozenset(role["name"] for role in token.get("roles", ())),
        expires_at=to_epoch(parse_time(token["expires_at"])),
        audit_id=(token.get("audit_ids") or [""])[0],
    )


@dataclass(slots=True)
class _Entry:
    access: Access
    validated_at: float


class TokenCache:
    """The last answers of identity, at most `size` of them. Thread-safe."""

    def __init__(self, fresh_seconds: float, size: int = 10_000, clock: Callable[[], float] = time.time) -> None:
        self._fresh, self._size, self._clock = fresh_seconds, size, clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def fresh(self, token: str) -> Access | None:
        """What identity said of `token` less than `fresh_seconds` ago, unless the token has expired since."""
        return self._get(token, self._fresh)

    def last_known(self, token: str) -> Access | None:
        """What identity last said of `token`, however long ago, unless the token has expired since."""
        return self._get(token, float("inf"))

    def _get(self, token: str, age: float) -> Access | None:
        now = self._clock()
        with self._lock:
            entry = self._entries.get(token)
        if entry is None or entry.access.expires_at <= now or now - entry.validated_at > age:
            return None
        return entry.access

    def put(self, token: str, access: Access) -> None:
        with self._lock:
            self._entries[token] = _Entry(access, self._clock())
            self._entries.move_to_end(token)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)

    def drop(self, token: str) -> None:
        with self._lock:
            self._entries.pop(token, None)


class Absence:
    """Whether identity is away. Until it answers again, one caller in `pause` seconds asks, and the others need not."""

    def __init__(self, pause: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._pause, self._clock = pause, clock
        self._lock = threading.Lock()
        self._ask_again_at: float | None = None

    def worth_asking(self) -> bool:
        with self._lock:
            now = self._clock()
            if self._ask_again_at is not None and now < self._ask_again_at:
                return False
            if self._ask_again_at is not None:
                self._ask_again_at = now + self._pause
            return True

    def noticed(self) -> None:
        with self._lock:
            self._ask_again_at = self._clock() + self._pause

    def over(self) -> None:
        self._ask_again_at = None


#: Where there is an earlier answer to fall back on, it is not worth waiting long for a new one.
_BRIEFLY = urllib3.Timeout(connect=0.5, read=1.0)
_ONE_MORE_TRY = urllib3.Retry(total=1, redirect=0, status=0)


class IdentityTokens:
    """The validator of every service that is not identity itself."""

    def __init__(self, identity_url: str, cache: TokenCache) -> None:
        self._url = identity_url.rstrip("/") + "/v3/auth/tokens?nocatalog"
        self._cache = cache
        self._pool = http_pool(read_seconds=3.0)
        self._absence = Absence()

    def cached(self, token: str) -> Access | None:
        return self._cache.fresh(token)

    def validate(self, token: str) -> Access:
        earlier = self._cache.last_known(token)
        if earlier is not None and not self._absence.worth_asking():
            return earlier
        # A token may always be used to validate itself, so the services need no token of their own for it.
        patience: dict[str, Any] = {"timeout": _BRIEFLY, "retries": _ONE_MORE_TRY} if earlier is not None else {}
        headers = {"X-Auth-Token": token, "X-Subject-Token": token}
        try:
            answer = self._pool.request("GET", self._url, headers=headers, **patience)
        except urllib3.exceptions.HTTPError as error:
            return self._while_identity_is_away(earlier, str(error))
        if answer.status == 200:
            self._absence.over()
            access = access_from_body(json.loads(answer.data))
            self._cache.put(token, access)
            return access
        if answer.status in (400, 401, 403, 404):
            self._absence.over()
            self._cache.drop(token)
            raise Unauthorized
        return self._while_identity_is_away(earlier, f"identity answered {answer.status}")

    def _while_identity_is_away(self, earlier: Access | None, why: str) -> Access:
        self._absence.noticed()
        if earlier is None:
            log.warning("identity is away and this token was not seen before: %s", why)
            raise Unavailable("The identity service cannot be reached to validate your token. Retry in a moment.")
        log.info("identity is away (%s); honouring a token validated earlier", why)
        return earlier

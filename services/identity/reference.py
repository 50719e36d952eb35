"""What changes rarely and is needed for every token: roles, implied roles, the catalog. Believed for a moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.identity.catalog import CatalogEntry, load_catalog
from services.identity.models import ImpliedRole, Role
from services.identity.role_rules import Implications
from services.platform.database import Transactor


@dataclass(frozen=True, slots=True)
class RoleName:
    """`domain_id` is empty for a role of all domains; a role of one domain only implies others and is in no token."""

    id: str
    name: str
    domain_id: str


@dataclass(frozen=True, slots=True)
class Reference:
    roles: dict[str, RoleName]
    implied: Implications
    catalog: list[CatalogEntry]


class ReferenceCache:
    """One replica's copy, at most `seconds` old; `forget` after a change that was made here."""

    def __init__(self, transactor: Transactor, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._transactor, self._seconds, self._clock = transactor, seconds, clock
        self._lock = threading.Lock()
        self._known: Reference | None = None
        self._loaded_at = float("-inf")

    def get(self, needed_role_ids: frozenset[str] = frozenset()) -> Reference:
        """What is known; read again where it is old, or does not know a role that is needed."""
        known = self._known
        if (
            known is None
            or self._clock() - self._loaded_at > self._seconds
            or not needed_role_ids <= known.roles.keys()
        ):
            known = self._load()
        return known

    def forget(self) -> None:
        self._loaded_at = float("-inf")

    def _load(self) -> Reference:
        started = self._clock()
        known = self._transactor.read(_read)
        with self._lock:
            if started > self._loaded_at:
                self._known, self._loaded_at = known, started
        return known


def _read(session: Session) -> Reference:
    roles = {row.id: RoleName(*row) for row in session.execute(select(Role.id, Role.name, Role.domain_id))}
    implied: dict[str, set[str]] = {}
    for prior_id, implied_id in session.execute(select(ImpliedRole.prior_id, ImpliedRole.implied_id)):
        implied.setdefault(prior_id, set()).add(implied_id)
    return Reference(roles, implied, load_catalog(session))

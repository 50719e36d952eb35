"""The keys that tokens are encrypted with: kept in the database, loaded by every replica, rotated without a gap."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.identity.key_rules import Key, Rotation, by_use, rotate
from services.identity.models import TokenKey
from services.platform.database import Transactor
from services.platform.faults import Unavailable
from services.platform.times import utcnow

log = logging.getLogger(__name__)

#: A staged key waits this many refresh intervals of the replicas before it may become primary.
DISTRIBUTION_INTERVALS = 3


class UnknownToken(Exception):
    """Not a token of ours, or one whose key is gone."""


class KeyRing:
    """One replica's copy of the keys. Loads them again every `refresh_seconds`, and when none of them fits."""

    def __init__(
        self, transactor: Transactor, refresh_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._transactor, self._refresh, self._clock = transactor, refresh_seconds, clock
        self._lock = threading.Lock()
        self._keys: list[Key] = []
        self._fernet: MultiFernet | None = None
        self._loaded_at = float("-inf")

    def encrypt(self, payload: bytes) -> str:
        return self._current().encrypt(payload).rstrip(b"=").decode()

    def decrypt(self, token: str) -> bytes:
        """Raises UnknownToken."""
        try:
            sealed = token.encode("ascii")
        except UnicodeEncodeError:
            raise UnknownToken from None
        sealed += b"=" * (-len(sealed) % 4)
        try:
            return self._current().decrypt(sealed)
        except InvalidToken:
            if not self._load():
                raise UnknownToken from None
        try:
            return self._current().decrypt(sealed)
        except InvalidToken:
            raise UnknownToken from None

    def _current(self) -> MultiFernet:
        if self._clock() - self._loaded_at > self._refresh:
            self._load()
        if self._fernet is None:
            raise Unavailable("The token keys are not there yet. Retry in a moment.")
        return self._fernet

    def _load(self) -> bool:
        """Read the keys; says whether they have changed. A database that is away leaves the known ones in use."""
        try:
            keys = by_use(self._transactor.read(load_keys))
        except Unavailable:
            if self._fernet is None:
                raise
            log.warning("the database is away: going on with the token keys that are known")
            return False
        with self._lock:
            self._loaded_at = self._clock()
            if keys == self._keys:
                return False
            self._keys = keys
            self._fernet = MultiFernet([Fernet(key.secret) for key in keys]) if keys else None
        log.info("token keys: %s encrypts, %s in all", keys[0].id if keys else "none", len(keys))
        return True


def load_keys(session: Session) -> list[Key]:
    """All keys, oldest first."""
    rows = session.execute(
        select(TokenKey.id, TokenKey.secret, TokenKey.created_at, TokenKey.promoted_at).order_by(TokenKey.id)
    )
    return [Key(*row) for row in rows]


def ensure_keys(session: Session) -> None:
    """A primary key and a staged one, where there are none at all."""
    now = utcnow()
    if not load_keys(session):
        session.add(TokenKey(id=1, secret=_new_secret(), created_at=now, promoted_at=now))
        session.add(TokenKey(id=2, secret=_new_secret(), created_at=now, promoted_at=None))
        session.flush()


def rotate_keys(transactor: Transactor, *, refresh_seconds: float, token_seconds: float) -> Rotation:
    """Take the next step of rotation, in the database. Harmless when several do it at once."""

    def step(session: Session) -> Rotation:
        now = utcnow()
        decision = rotate(
            load_keys(session),
            now,
            distribution=timedelta(seconds=DISTRIBUTION_INTERVALS * refresh_seconds),
            token_life=timedelta(seconds=token_seconds),
        )
        if decision.stage is not None:
            session.add(TokenKey(id=decision.stage, secret=_new_secret(), created_at=now, promoted_at=None))
        if decision.promote is not None:
            session.get_one(TokenKey, decision.promote).promoted_at = now
        for key_id in decision.remove:
            session.delete(session.get_one(TokenKey, key_id))
        return decision

    try:
        return transactor.write(step)
    except IntegrityError:
        # The id of the new key is the lock: somebody else has just taken this very step.
        return transactor.write(step)


def _new_secret() -> str:
    return Fernet.generate_key().decode()

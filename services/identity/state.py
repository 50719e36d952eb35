"""The parts of one identity replica, wired in `app.py` and found by every endpoint on `app.state.identity`."""

from __future__ import annotations

import os
from dataclasses import dataclass

from anyio import CapacityLimiter

from services.identity.keys import KeyRing
from services.identity.lockout import LockoutRule
from services.identity.passwords import Passwords
from services.identity.reference import ReferenceCache
from services.identity.settings import IdentitySettings
from services.identity.tokens import Tokens
from services.platform.database import Transactor

#: A few per core: one hashes while the others wait for the database.
LOGINS_AT_ONCE = 4 * (os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Identity:
    settings: IdentitySettings
    transactor: Transactor
    passwords: Passwords
    keys: KeyRing
    reference: ReferenceCache
    tokens: Tokens
    #: Logins at work at once. The others wait without a thread, so that a storm of them does not stop validations.
    login_turns: CapacityLimiter

    @classmethod
    def assemble(cls, settings: IdentitySettings, transactor: Transactor) -> Identity:
        keys = KeyRing(transactor, settings.key_refresh_seconds)
        reference = ReferenceCache(transactor, settings.reference_seconds)
        return cls(
            settings=settings,
            transactor=transactor,
            passwords=Passwords(settings.argon2_time_cost, settings.argon2_memory_kib),
            keys=keys,
            reference=reference,
            tokens=Tokens(transactor, keys, reference, lifetime_seconds=settings.token_seconds),
            login_turns=CapacityLimiter(LOGINS_AT_ONCE),
        )

    @property
    def lockout(self) -> LockoutRule:
        return LockoutRule(self.settings.lockout_attempts, self.settings.lockout_seconds)

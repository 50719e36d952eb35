"""Hashes of passwords and of application credentials' secrets: argon2id."""

from __future__ import annotations

import os
import threading

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError


class Passwords:
    """Hashes and verifies; at most one computation per core at a time, for each takes megabytes and all of a core."""

    def __init__(self, time_cost: int, memory_kib: int) -> None:
        self._hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=1)
        self._turns = threading.BoundedSemaphore(os.cpu_count() or 1)
        #: What the passwords of users who do not exist are compared with, so that it takes as long.
        self._nobody = self.hash(os.urandom(16).hex())

    def hash(self, password: str) -> str:
        with self._turns:
            return self._hasher.hash(password)

    def verify(self, password: str, stored: str | None) -> bool:
        """Whether `password` is what `stored` is the hash of; False, as slowly, where there is no stored hash."""
        with self._turns:
            try:
                return self._hasher.verify(stored or self._nobody, password) and stored is not None
            except (Argon2Error, InvalidHashError):
                return False

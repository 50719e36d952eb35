"""Hashes of passwords and of application credentials' secrets: argon2id."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError


class Passwords:
    """Hashes and verifies, in a thread per core of its own.

    Each computation takes megabytes and all of a core: more at once would gain nothing, and the allocator keeps what
    each thread that ever hashed has used.
    """

    def __init__(self, time_cost: int, memory_kib: int) -> None:
        self._hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=1)
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="argon2")
        #: What the passwords of users who do not exist are compared with, so that it takes as long.
        self._nobody = self.hash(os.urandom(16).hex())

    def hash(self, password: str) -> str:
        return self._threads.submit(self._hasher.hash, password).result()

    def verify(self, password: str, stored: str | None) -> bool:
        """Whether `password` is what `stored` is the hash of; False, as slowly, where there is no stored hash."""
        return self._threads.submit(self._verify, password, stored or self._nobody).result() and stored is not None

    def _verify(self, password: str, stored: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (Argon2Error, InvalidHashError):
            return False

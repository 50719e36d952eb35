"""Keeps the claims of this replica alive while it works on them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from services.platform.database import Transactor
from services.platform.faults import Unavailable
from services.platform.times import utcnow
from services.platform.worker import Periodic
from services.volume.work.claims import Claim, Lost, renew

log = logging.getLogger(__name__)


class Held:
    """A claim while it is worked on. `check` before each step: a replica that slept may have lost it meanwhile."""

    def __init__(self, claim: Claim, valid_until: float, ticks: Callable[[], float] = time.monotonic) -> None:
        self.claim = claim
        self.valid_until = valid_until
        self._ticks = ticks

    def check(self) -> None:
        """Raises Lost where the claim has ended by this replica's own clock."""
        if self._ticks() > self.valid_until:
            raise Lost(f"{self.claim.task} of {self.claim.resource_id}: the claim was not renewed in time")


class Keeper(Periodic):
    """Renews every claim that is being worked on three times before it would end."""

    def __init__(
        self, transactor: Transactor, lease_seconds: float, ticks: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(lease_seconds / 3, self.renew_all, "claims")
        self._transactor, self._lease = transactor, lease_seconds
        self.ticks = ticks
        self._held: set[Held] = set()
        self._lock = threading.Lock()

    @contextmanager
    def keep(self, claim: Claim, taken_at: float) -> Iterator[Held]:
        """While entered, the claim is renewed. `taken_at` is what `ticks` said before it was taken."""
        one = Held(claim, taken_at + self._lease, self.ticks)
        with self._lock:
            self._held.add(one)
        try:
            yield one
        finally:
            with self._lock:
                self._held.discard(one)

    def renew_all(self) -> None:
        with self._lock:
            all_held = list(self._held)
        for one in all_held:
            before = self.ticks()
            try:
                self._transactor.write(
                    lambda session, one=one: renew(session, one.claim, utcnow(), timedelta(seconds=self._lease))  # type: ignore[misc]
                )
            except Lost:
                one.valid_until = 0.0
            except Unavailable as fault:
                log.warning("a claim could not be renewed: %s", fault.message)
            else:
                one.valid_until = before + self._lease

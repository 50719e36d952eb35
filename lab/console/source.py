"""Looks at the lab again and again, in a thread, as long as somebody looks at the page."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from lab.console.boundary import Lab
from lab.console.snapshot import Snapshot
from lab.console.trouble import sentence_of

APART = 1.0  # seconds between two looks


@dataclass(frozen=True)
class Seen:
    """The last look that succeeded, when that was (monotonic), and what is wrong with looking since then."""

    snapshot: Snapshot | None = None
    at: float = 0.0
    trouble: str = ""


class Source:
    """The newest look; `wanted` says whether anybody cares."""

    def __init__(self, lab: Lab, apart: float = APART) -> None:
        self._lab, self._apart = lab, apart
        self._stopping, self._viewed = threading.Event(), threading.Event()
        self._lock, self._viewers = threading.Lock(), 0
        self._seen = Seen()
        self._thread = threading.Thread(target=self._work, daemon=True, name="looking")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """No more looks."""
        self._stopping.set()
        self._viewed.set()

    @property
    def seen(self) -> Seen:
        """The newest look."""
        return self._seen

    @property
    def is_viewed(self) -> bool:
        """Whether a page is open."""
        return self._viewed.is_set()

    def come(self) -> None:
        """One more page is open."""
        with self._lock:
            self._viewers += 1
            self._viewed.set()

    def leave(self) -> None:
        """One page less; nobody looks when the last is gone."""
        with self._lock:
            self._viewers -= 1
            if self._viewers <= 0:
                self._viewed.clear()

    def look(self) -> None:
        """Look once; whatever goes wrong becomes a sentence."""
        try:
            snapshot = self._lab.look()
        except Exception as error:
            self._seen = Seen(self._seen.snapshot, self._seen.at, sentence_of("The lab can't be looked at", error))
        else:
            self._seen = Seen(snapshot, time.monotonic())

    def _work(self) -> None:
        while not self._stopping.is_set():
            self._viewed.wait()
            if not self._stopping.is_set():
                self.look()
            self._stopping.wait(self._apart)

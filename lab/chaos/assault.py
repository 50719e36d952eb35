"""Breaks parts in time while the lab is watched."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from lab.chaos.schedule import Strike
from lab.errors import LabError
from lab.leases.lease import Lease, Leases
from lab.leases.order import order, take_back
from lab.watch.recorder import Recorder
from lab.watch.run import Tone


class Assault:
    """Strikes by schedule, each a lease of its own, so that nothing stays broken whatever becomes of us."""

    def __init__(self, strikes: Sequence[Strike]) -> None:
        self._strikes = strikes
        self._ended = threading.Event()
        self._ordered: list[Lease] = []
        self._threads: list[threading.Thread] = []

    def run(self, recorder: Recorder) -> None:
        """Strike each in time; returns after the last, or when it was ended."""
        for strike in self._strikes:
            if self._ended.wait(max(0.0, strike.at - recorder.now)):
                return
            thread = threading.Thread(target=self._strike, args=(strike, recorder), daemon=True)
            self._threads.append(thread)
            thread.start()

    def end(self) -> None:
        """No more strikes; what is broken still is mended."""
        if self._ended.is_set():
            return
        self._ended.set()
        for thread in self._threads:
            thread.join(30)
        for each in self._ordered:
            if Leases().find(each.id) is not None:
                take_back(each)

    def _strike(self, strike: Strike, recorder: Recorder) -> None:
        try:
            self._ordered.append(order(strike.kind, [strike.label], strike.seconds))
        except LabError as error:
            recorder.tell("you", f"it could not be done: {error.message}", Tone.CHANGE)

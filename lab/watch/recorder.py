"""Runs lanes, each in a thread of its own, and keeps what they said."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from lab.registers import Outcome
from lab.watch.lanes import Lane
from lab.watch.run import Event, LaneSummary, Operation, Tone, summaries

JOIN = 40.0


class Recorder:
    """Operations and events since `began` (monotonic); may be asked at any time how it stands.

    Each lane takes its first step before the run begins: making connections and loading modules is nobody's gap.
    """

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self.lanes, self.began = lanes, time.monotonic()
        self.calm = {lane.name: lane.calm for lane in lanes}
        self._operations: list[Operation] = []
        self._events: list[Event] = []
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._work, args=(lane,), daemon=True) for lane in lanes if lane.every]

    def __enter__(self) -> Self:
        with ThreadPoolExecutor(len(self.lanes)) as pool:
            list(pool.map(lambda lane: _said(lane, 0), self.lanes))
        self.began = time.monotonic()
        with self._lock:
            self._events.clear()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """No new operations; those under way are waited for."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(JOIN)

    @property
    def now(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.began

    def add(self, operation: Operation) -> None:
        """Keep one more operation."""
        with self._lock:
            self._operations.append(operation)

    def tell(self, who: str, says: str, tone: Tone, at: float | None = None) -> None:
        """Keep one more sentence of the story."""
        event = Event(self.now if at is None else at, who, says, tone)
        with self._lock:
            self._events.append(event)

    @property
    def operations(self) -> list[Operation]:
        """Those that have ended, in the order of their ends."""
        with self._lock:
            return list(self._operations)

    @property
    def events(self) -> list[Event]:
        """The story, by time."""
        with self._lock:
            return sorted(self._events, key=lambda event: event.at)

    def summaries(self) -> tuple[LaneSummary, ...]:
        """Every lane in numbers, until now."""
        return summaries(self.operations, self.calm, self.now)

    def _work(self, lane: Lane) -> None:
        number, due = 1, time.monotonic()
        while not self._stopping.is_set():
            began = self.now
            outcome, detail = _said(lane, number)
            took = self.now - began
            self.add(Operation(lane.name, began, began + took, outcome, detail))
            number += 1
            # A lab that answers slowly is asked less often: it would be slow because of the asking.
            due = max(due + lane.every, time.monotonic() + min(took, lane.every))
            self._stopping.wait(due - time.monotonic())


def _said(lane: Lane, number: int) -> tuple[Outcome, str]:
    try:
        return lane.step(number)
    except Exception as error:
        # An answer that is no answer (a body without its fields): that lane's failure, not the watch's end.
        return Outcome.FAIL, f"{type(error).__name__}: {error}"[:120]

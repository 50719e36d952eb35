"""The run of watching that the page starts and ends: one at a time, kept like those of `quorate watch`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from lab.console.boundary import Lab
from lab.console.lane_views import LaneView, lane_views
from lab.console.trouble import sentence_of
from lab.errors import LabError
from lab.topology import ONE
from lab.watch.recorder import Recorder
from lab.watch.run import Event, Run

CLOSE = 90.0


class Phase(StrEnum):
    """Where a run is."""

    IDLE = "idle"
    PREPARING = "preparing"
    RUNNING = "running"
    JUDGING = "judging"


#: Which phase may follow which.
NEXT = {
    Phase.IDLE: {Phase.PREPARING},
    Phase.PREPARING: {Phase.RUNNING, Phase.JUDGING, Phase.IDLE},
    Phase.RUNNING: {Phase.JUDGING, Phase.IDLE},
    Phase.JUDGING: {Phase.IDLE},
}


@dataclass(frozen=True)
class WatchView:
    """How it stands: of the run that goes on, else of the last one."""

    phase: Phase = Phase.IDLE
    site: str = ONE
    seconds: float = 0.0
    lanes: tuple[LaneView, ...] = ()
    events: tuple[Event, ...] = ()
    finished: Run | None = None
    kept: str = ""  # the name under which the finished run is kept
    trouble: str = ""


@dataclass
class _Current:
    """The run of now, and what came of it."""

    site: str = ONE
    ended: threading.Event = field(default_factory=threading.Event)
    recorder: Recorder | None = None
    until: float | None = None  # seconds since its beginning, when it was ended
    finished: Run | None = None
    kept: str = ""
    trouble: str = ""


class Watching:
    """Starts and ends runs, each in a thread of its own; may be asked at any time how it stands."""

    def __init__(self, lab: Lab, keep: Callable[[Run], str]) -> None:
        self._lab, self._keep = lab, keep
        self._lock = threading.Lock()
        self._phase = Phase.IDLE
        self._current = _Current()
        self._thread: threading.Thread | None = None

    def start(self, site: str) -> None:
        """Begin to watch a region. Raises LabError while a run goes on."""
        with self._lock:
            if self._phase is not Phase.IDLE:
                raise LabError("A run goes on already; end it first.")
            self._move(Phase.PREPARING)
            self._current = _Current(site)
            self._thread = threading.Thread(target=self._work, args=(self._current,), daemon=True, name="watching")
            self._thread.start()

    def stop(self) -> None:
        """End the run; its verdict comes by itself. Raises LabError where none goes on."""
        with self._lock:
            if self._phase not in {Phase.PREPARING, Phase.RUNNING}:
                raise LabError("Nothing is watched just now.")
            self._end()

    def close(self) -> None:
        """End what goes on, and wait until it is kept."""
        with self._lock:
            if self._phase in {Phase.PREPARING, Phase.RUNNING}:
                self._end()
            thread = self._thread
        if thread is not None:
            thread.join(CLOSE)

    def view(self) -> WatchView:
        """How it stands."""
        with self._lock:
            phase, own = self._phase, self._current
        lanes: tuple[LaneView, ...] = ()
        events: tuple[Event, ...] = ()
        seconds = 0.0
        if own.recorder is not None:
            seconds = own.recorder.now if own.until is None else own.until
            operations = own.recorder.operations
            if own.until is not None:
                operations = [one for one in operations if one.ended <= seconds]
            lanes = lane_views(operations, own.recorder.calm, seconds)
            events = tuple(event for event in own.recorder.events if event.at <= seconds)
        return WatchView(phase, own.site, seconds, lanes, events, own.finished, own.kept, own.trouble)

    def _work(self, own: _Current) -> None:
        def hear(recorder: Recorder) -> None:
            with self._lock:
                if self._current is own and self._phase in {Phase.PREPARING, Phase.JUDGING}:
                    own.recorder = recorder
                    if own.ended.is_set():
                        own.until = recorder.now
                    else:
                        self._move(Phase.RUNNING)

        trouble = ""
        try:
            run = self._lab.watch(own.site, own.ended, hear)
            own.kept = self._keep(run)
            own.finished = run
        except Exception as error:
            trouble = sentence_of("The run came to nothing", error)
        with self._lock:
            own.trouble = trouble
            if own.recorder is not None and own.until is None:
                own.until = own.recorder.now
            self._move(Phase.IDLE)

    def _end(self) -> None:
        own = self._current
        own.ended.set()
        own.until = own.recorder.now if own.recorder is not None else None
        self._move(Phase.JUDGING)

    def _move(self, phase: Phase) -> None:
        if phase not in NEXT[self._phase]:
            raise AssertionError(f"{self._phase} is not followed by {phase}")
        self._phase = phase

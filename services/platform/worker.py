"""Running a process that serves no HTTP: consumers and periodic work, until SIGTERM."""

from __future__ import annotations

import logging
import random
import signal
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from services.platform.faults import Unavailable
from services.platform.request import RequestKey, current_request_id

log = logging.getLogger(__name__)


class Part(Protocol):
    """Anything that starts and stops."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Periodic:
    """Runs `work` every `seconds`, a little irregularly so that replicas do not march in step."""

    def __init__(self, seconds: float, work: Callable[[], None], name: str) -> None:
        self._seconds, self._run, self._name = seconds, work, name
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(5.0)

    def _loop(self) -> None:
        while not self._stopping.is_set():
            current_request_id.set(RequestKey.from_header(None).request_id)
            try:
                self._run()
            except Unavailable as fault:
                log.warning("%s: %s", self._name, fault.message)
            except Exception:
                log.exception("%s failed; it will run again", self._name)
            self._stopping.wait(self._seconds * random.uniform(0.9, 1.1))  # noqa: S311 - jitter, not a secret


class Worker:
    """A process's parts, started and stopped together."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts

    def start(self) -> None:
        for part in self._parts:
            part.start()

    def stop(self) -> None:
        for part in reversed(self._parts):
            part.stop()

    def run(self) -> None:
        """Start, wait for SIGTERM or SIGINT, stop."""
        ended = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ended.set())
        self.start()
        ended.wait()
        self.stop()

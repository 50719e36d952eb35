"""Threads that do something again and again until they are stopped, and whose failures are not lost."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Pace:
    """Runs steps in threads of their own, each every so many seconds."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._errors: list[BaseException] = []

    def every(self, seconds: float | Callable[[], float], step: Callable[[int], None]) -> None:
        """Call `step` with 0, 1, 2, … at this pace, asked for each time where it may change; one that takes longer is
        followed at once."""
        pause = seconds if callable(seconds) else lambda: seconds

        def work() -> None:
            number = 0
            due = time.monotonic()
            try:
                while not self._stopping.is_set():
                    step(number)
                    number += 1
                    due = max(due + pause(), time.monotonic())
                    self._stopping.wait(due - time.monotonic())
            except BaseException as error:
                self._errors.append(error)

        self._threads.append(threading.Thread(target=work, daemon=True))

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)
        if self._errors and error is None:
            raise self._errors[0]

"""Work in a thread whose end is handled in the event loop's thread, or by whoever waits for it there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Loop(Protocol):
    """What the store needs of an event loop."""

    def call_soon(self, callback: Callable[[], object], /) -> Any: ...
    def call_soon_threadsafe(self, callback: Callable[[], object], /) -> Any: ...


class Outcome(Protocol):
    """What the store needs of a future."""

    def result(self) -> None: ...
    def add_done_callback(self, callback: Callable[[Any], object], /) -> None: ...


class Threads(Protocol):
    """What the store needs of an executor."""

    def submit(self, work: Callable[[], None], /) -> Outcome: ...


class Job:
    """One piece of work at a time. `finish` is called once for each, with the error if there was one."""

    def __init__(self, loop: Loop, threads: Threads) -> None:
        self._loop, self._threads = loop, threads
        self._outcome: Outcome | None = None
        self._finish: Callable[[BaseException | None], None] = lambda _: None

    @property
    def is_running(self) -> bool:
        """Started, and its end not handled yet."""
        return self._outcome is not None

    def start(self, work: Callable[[], None], finish: Callable[[BaseException | None], None]) -> None:
        """Begin in a thread."""
        self._finish = finish
        outcome = self._outcome = self._threads.submit(work)
        outcome.add_done_callback(lambda _: self._loop.call_soon_threadsafe(lambda: self._end(outcome)))

    def wait(self) -> None:
        """Stop the event loop until the work is done and handled."""
        if self._outcome:
            self._end(self._outcome)

    def abandon(self) -> None:
        """Let it run out; its end is not handled."""
        self._finish = lambda _: None

    def _end(self, outcome: Outcome) -> None:
        if outcome is not self._outcome:
            return  # waited for already
        error: BaseException | None = None
        try:
            outcome.result()
        except Exception as caught:
            error = caught
        self._outcome = None
        self._finish(error)

"""Asks services over HTTP many times a second, without threads; a slow answer never delays the next question."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from health.verdict import Health, Patience, forgiven, heard, judged

TIMEOUT = 1.0
LATE = 0.1
IN_PROGRESS = {0, 115}  # EINPROGRESS


class Target(NamedTuple):
    """One question: a GET that a healthy service answers with 200."""

    name: str
    address: str
    port: int
    path: str


class Question:
    """One question that is under way."""

    def __init__(self, target: Target, now: float) -> None:
        self.target, self.deadline = target, now + TIMEOUT
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self._sent = False

    def fileno(self) -> int:
        """For the selector."""
        return self._socket.fileno()

    def begin(self) -> bool:
        """Connect; False where that is refused at once."""
        return self._socket.connect_ex((self.target.address, self.target.port)) in IN_PROGRESS

    def go_on(self) -> bool | None:
        """The next step, now that the socket is ready: True for a good answer, False for any other end."""
        try:
            if not self._sent:
                self._sent = True
                host = f"{self.target.address}:{self.target.port}"
                head = f"GET {self.target.path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
                self._socket.send(head.encode())
                return None
            return self._socket.recv(64).split(b" ")[1:2] == [b"200"]
        except OSError:
            return False

    @property
    def awaits(self) -> int:
        """What the socket must be ready for."""
        return selectors.EVENT_READ if self._sent else selectors.EVENT_WRITE

    def close(self) -> None:
        """Forget it."""
        self._socket.close()


class Watch:
    """Asks each target every `interval` seconds and keeps what is thought of it.

    One whose answer is overdue is asked four times as often, until its patience is over: a packet that was lost must
    not look like a service that is.
    """

    def __init__(self, targets: Iterable[Target], interval: float, patience: Patience) -> None:
        self._targets, self._interval, self._patience = list(targets), interval, patience
        self._selector = selectors.DefaultSelector()
        self._health = {target.name: Health() for target in self._targets}
        self._asked = dict.fromkeys(self._health, float("-inf"))
        self._due = time.monotonic()

    def run(self, told: Callable[[Mapping[str, bool]], None]) -> None:
        """Watch until `told`, which hears every verdict, changed or not, raises."""
        try:
            while True:
                self._ask()
                while (left := self._due - time.monotonic()) > 0:
                    for key, _ in self._selector.select(left):
                        self._go_on(key.fileobj)
                    told(self.verdicts(time.monotonic()))
                self._give_up(before=time.monotonic())
        finally:
            self._give_up(before=float("inf"))

    def verdicts(self, now: float) -> dict[str, bool]:
        """Who is healthy."""
        self._health = {name: judged(health, now, self._patience) for name, health in self._health.items()}
        return {name: health.healthy for name, health in self._health.items()}

    def well_since(self) -> dict[str, float]:
        """Since when each of those that answer has answered without a failure."""
        return {name: one.well_since for name, one in self._health.items() if one.well_since is not None}

    def _ask(self) -> None:
        now = time.monotonic()
        lateness = now - self._due
        if lateness > LATE:
            for name, health in self._health.items():
                self._health[name] = forgiven(health, lateness, self._patience)
        for target in self._targets:
            if not self._is_due(target.name, now):
                continue
            self._asked[target.name] = now
            question = Question(target, now)
            if question.begin():
                self._selector.register(question, question.awaits, question)
            else:
                self._end(question, False)
        waiting = bool(self._selector.get_map())
        self._due = now + self._interval / 4 if waiting else min(self._asked.values()) + self._interval

    def _is_due(self, name: str, now: float) -> bool:
        overdue = self._health[name].healthy and now - self._health[name].good_at > 1.25 * self._interval
        return overdue or now - self._asked[name] >= self._interval

    def _go_on(self, question: object) -> None:
        assert isinstance(question, Question)
        answer = question.go_on()
        if answer is None:
            self._selector.modify(question, question.awaits, question)
        else:
            self._selector.unregister(question)
            self._end(question, answer)

    def _end(self, question: Question, good: bool) -> None:
        name = question.target.name
        self._health[name] = heard(self._health[name], good, time.monotonic())
        question.close()

    def _give_up(self, before: float) -> None:
        for key in list(self._selector.get_map().values()):
            question = key.fileobj
            if isinstance(question, Question) and question.deadline < before:
                self._selector.unregister(question)
                self._end(question, False)

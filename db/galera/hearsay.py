"""What the server says of its membership: what it last notified, unless it says otherwise when it is asked.

The server runs a command at each change of its state or its view, from several threads. Where changes follow each other
within milliseconds, the command that began first may end last, and no later one corrects it: a node that is in step
would be taken for lost until its next change, which may be days away. So a notification that nothing has followed for
some seconds is compared with the server's own answer.
"""

from __future__ import annotations

from collections.abc import Callable

from galera.records import UP, notified_phase

QUIET = 3.0
"""Seconds after a notification in which the server may still be doing what it notified."""

AGAIN = 5.0
"""Seconds between two questions to a server that is not in step."""

SELDOM = 30.0
"""Seconds between two questions to one that is."""


class Hearsay:
    """Compares now and then. `text` may be called from any thread, all else from one."""

    def __init__(self, notified: Callable[[], str]) -> None:
        self._notified = notified
        self._last, self._due = "", 0.0
        self._corrected = ("", "")

    def text(self) -> str:
        """What holds now, in the form of a notification; empty before the first one."""
        stale, instead = self._corrected
        text = self._notified()
        return instead if instead and text == stale else text

    def compare(self, now: float, ask: Callable[[], str]) -> bool:
        """Ask the server where that is due; True where its last notification turned out to be out of date.

        `ask` gives the answer in the form of a notification, or nothing where the server takes no questions. `now` is
        monotonic, in seconds.
        """
        text = self.text()
        if text != self._last:
            self._last, self._due = text, now + QUIET
        if not text or now < self._due:
            return False
        notified = self._notified()
        answer = ask()
        phase = notified_phase(text, admitted=True)
        self._due = now + (SELDOM if phase == UP else AGAIN)
        if not answer or self._notified() != notified or notified_phase(answer, admitted=True) == phase:
            return False
        self._corrected = (notified, answer)
        return True

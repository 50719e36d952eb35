"""The pieces of the page as they are now, drawn once for all who look."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from lab.console.pages import Pages
from lab.console.source import Source
from lab.console.trouble import sentence_of
from lab.console.watching import Watching

APART = 0.4  # seconds between two drawings


class Board:
    """Draws in a thread while pages are open; a stream reads `pieces` and sends what is new to it."""

    def __init__(self, source: Source, watching: Watching, pages: Pages) -> None:
        self._source, self._watching, self._pages = source, watching, pages
        self._ended = threading.Event()
        self._pieces: Mapping[str, str] = {}
        self._thread = threading.Thread(target=self._work, daemon=True, name="drawing")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def end(self) -> None:
        """No more drawings; streams end."""
        self._ended.set()

    @property
    def is_ended(self) -> bool:
        """Whether the console ends."""
        return self._ended.is_set()

    @property
    def pieces(self) -> Mapping[str, str]:
        """The newest of each."""
        return self._pieces

    def draw(self) -> None:
        """Draw once."""
        self._pieces = self._pages.pieces(self._source.seen, self._watching.view(), time.monotonic(), time.time())

    def _work(self) -> None:
        while not self._ended.wait(APART):
            if not self._source.is_viewed:
                continue
            try:
                self.draw()
            except Exception as error:  # one bad drawing is a sentence, and the next one may succeed
                notice = self._pages.said(sentence_of("The page can't be drawn", error), is_refusal=True)
                self._pieces = {**self._pieces, "notice": notice}

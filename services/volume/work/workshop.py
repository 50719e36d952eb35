"""Where a replica works on the store: opened in the background, for the API serves without it; opened anew when the
store has fenced this client (another replica took its locks while it slept)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from services.platform.worker import Part
from services.platform.worker import Worker as Parts
from storage.client.block_store import BlockStore
from storage.errors import Unavailable

log = logging.getLogger(__name__)

#: How long to wait for a store that is not there before looking again, seconds.
_PAUSE = 0.5

#: Makes the parts that work on a store. They call the function when they find that the store has fenced them.
Furnish = Callable[[BlockStore, Callable[[], None]], Sequence[Part]]


class Workshop:
    """Opens the store, runs what works on it, closes it."""

    def __init__(self, open_store: Callable[[], BlockStore], furnish: Furnish) -> None:
        self._open, self._furnish = open_store, furnish
        self._stopping, self._changed = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="workshop", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing more, and let go of the store."""
        self._stopping.set()
        self._changed.set()
        self._thread.join(15.0)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                store = self._open()
            except Unavailable as error:
                log.warning("the block store is not there yet: %s", error)
                self._stopping.wait(_PAUSE)
                continue
            self._work_on(store)

    def _work_on(self, store: BlockStore) -> None:
        self._changed.clear()
        if self._stopping.is_set():
            return
        parts = Parts(self._furnish(store, self._changed.set))
        parts.start()
        self._changed.wait()
        if not self._stopping.is_set():
            log.warning("the block store has fenced this replica; opening it anew")
        parts.stop()
        try:
            store.close()
        except Unavailable as error:
            log.info("the block store was gone before it was closed: %s", error)

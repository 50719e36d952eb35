"""Group commit: all that waits is journaled by one write and one sync, then applied, then acknowledged.

The sync runs in the event loop's thread while the disk is fast. Measured with uvloop on two cores and a disk that syncs
in 0.11 ms: a hand-over to a thread and back costs 30 µs of CPU and 0.06 ms per write at depth 1, and nothing is gained
at depth 32, since what arrives meanwhile waits in the socket and makes the next batch. A disk slower than PATIENCE
gets a thread, and so does one that is busy with a checkpoint (a sync behind that of `block` takes ten times as long):
heartbeats go on. A stall that comes out of the blue stops the loop once.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable

from storage.osd.store import record
from storage.osd.store.background import Job, Loop
from storage.osd.store.blocks import Blocks
from storage.osd.store.journal import Batch, Journal
from storage.osd.transaction import Transaction

log = logging.getLogger(__name__)
#: Seconds that a sync may take on the average to be waited for in the event loop.
PATIENCE = 0.004
#: Bytes that make a batch large enough.
ENOUGH = 4 << 20

Entry = tuple[Transaction, Callable[[], None]]


class Commit:
    """The queue in front of the journal.

    `is_busy` says that a checkpoint runs; `applied` is called after each batch, `failed` when the disk refuses.
    """

    def __init__(
        self,
        journal: Journal,
        blocks: Blocks,
        job: Job,
        loop: Loop,
        is_busy: Callable[[], bool],
        applied: Callable[[], None],
        failed: Callable[[BaseException], None],
        patience: float = PATIENCE,
    ) -> None:
        self._journal, self._blocks, self._job, self._loop = journal, blocks, job, loop
        self._is_busy, self._applied, self._failed, self._patience = is_busy, applied, failed, patience
        self._waiting: deque[Entry] = deque()
        self._is_due = self._is_stopped = False
        #: What a sync took lately, seconds.
        self._pace = 0.0

    def add(self, entry: Entry) -> None:
        """Queue a change for the batch at the end of this turn of the loop."""
        self._waiting.append(entry)
        self.soon()

    def soon(self) -> None:
        """Go on at the end of this turn of the loop, if there is anything to do."""
        if not self._is_due and self._waiting:
            self._is_due = True
            self._loop.call_soon(self._turn)

    @property
    def is_idle(self) -> bool:
        """Nothing waits."""
        return not self._waiting and not self._job.is_running

    def drain(self) -> None:
        """Commit what waits, as far as the journal has room, while the event loop stands still."""
        self._job.wait()
        while not self._is_stopped and (entries := self._take()):
            self._commit_here(entries)

    def stop(self) -> None:
        """Acknowledge nothing any more."""
        self._is_stopped = True
        self._waiting.clear()
        self._job.abandon()

    def _turn(self) -> None:
        self._is_due = False
        if self._is_stopped or self._job.is_running:
            return
        entries = self._take()
        if entries and (self._pace > self._patience or self._is_busy()):
            batch = self._prepare(entries)
            self._job.start(lambda: self._write(batch), lambda error: self._end(entries, error))
        elif entries:
            self._commit_here(entries)

    def _commit_here(self, entries: list[Entry]) -> None:
        error: BaseException | None = None
        try:
            self._write(self._prepare(entries))
        except OSError as caught:
            error = caught
        self._end(entries, error)

    def _take(self) -> list[Entry]:
        """The oldest that wait: what fits into the journal, not much more than ENOUGH."""
        taken: list[Entry] = []
        room, length = self._journal.room, 0
        while self._waiting and length < ENOUGH:
            length += record.size(self._waiting[0][0])
            if length > room:
                break
            taken.append(self._waiting.popleft())
        return taken

    def _prepare(self, entries: list[Entry]) -> Batch:
        return self._journal.prepare([transaction for transaction, _ in entries])

    def _write(self, batch: Batch) -> None:
        start = time.monotonic()
        self._journal.write(batch)
        self._pace += (time.monotonic() - start - self._pace) / 8

    def _end(self, entries: list[Entry], error: BaseException | None) -> None:
        """The batch is durable (or never will be)."""
        try:
            if error:
                raise error
            for transaction, _ in entries:
                self._blocks.apply(transaction)
        except Exception as failure:
            self.stop()
            self._failed(failure)
            return
        self._applied()
        for _, on_durable in entries:
            if self._is_stopped:
                return
            try:
                on_durable()
            except Exception:
                log.exception("What was to follow a durable change failed")
        self.soon()

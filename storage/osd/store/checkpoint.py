"""Checkpoints: the index goes to the disk as of one place in the journal, and what lies before that place may go.

    1. in the event loop, between two batches: copy what changed, and note the journal's end
    2. in a thread: sync `block`; store the copy and the place in one SQLite transaction; punch the slots it forgot
    3. in the event loop: the journal's older part and those slots may be used again

A replay then begins with exactly that index. Only bytes in `block` may be newer, and each of them is written again:
the replay ends with what every block had last.
"""

from __future__ import annotations

from collections.abc import Callable

from storage.osd.store.background import Job
from storage.osd.store.database import Changes, Database
from storage.osd.store.files import File
from storage.osd.store.index import Index
from storage.osd.store.journal import Journal
from storage.osd.store.slots import SLOT
from storage.osd.store.trim import Trim


class Checkpoint:
    """Runs one at a time. `done` is called when one made room, `failed` when the disk refuses."""

    def __init__(
        self,
        file: File,
        index: Index,
        journal: Journal,
        database: Database,
        trim: Trim,
        job: Job,
        done: Callable[[], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._file, self._index, self._journal, self._database = file, index, journal, database
        self._trim, self._job, self._done, self._failed = trim, job, done, failed
        self.is_damaged = False

    @property
    def is_running(self) -> bool:
        return self._job.is_running

    def start(self) -> None:
        """Begin one; all that is journaled must be applied."""
        mark = self._journal.end
        changes = self._index.take_changes(mark, self.is_damaged)
        released, trimmed = self._index.slots.take_released(), self._trim.take()

        def finish(error: BaseException | None) -> None:
            try:
                if error:
                    raise error
                self._trim.give_back(trimmed)
            except Exception as failure:
                self._failed(failure)
                return
            self._journal.kept = mark
            self._index.stored()
            self._index.slots.reuse(released)
            self._done()

        self._job.start(lambda: self._store(changes, released), finish)

    def _store(self, changes: Changes, released: list[int]) -> None:
        self._file.sync()
        self._database.store(changes)
        for slot in released:
            self._file.punch(slot * SLOT, SLOT)

    def wait(self) -> None:
        """Stop the event loop until the running one has ended."""
        self._job.wait()

    def abandon(self) -> None:
        self._job.abandon()

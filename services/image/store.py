"""Where image data lives: what the service asks of a store, whichever it is.

A blob has a name that is used once. It is there as a whole or not at all: until `commit` returned, `open` does not
find it. All methods block, for a bounded time. A store that is elsewhere may be away: then any of them but `abort` and
`close` raises `platform.faults.Unavailable`, and an upload that was going on has failed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class BlobMissing(Exception):
    """There is no such blob."""


class StoreFull(Exception):
    """The store has no room for more."""


class BlobWriter(Protocol):
    """A blob that is being written, by one thread at a time."""

    def write(self, block: bytes) -> None:
        """Append. Raises StoreFull."""

    def commit(self) -> None:
        """Return when the whole blob is safely stored, and then only is it there.

        Raises StoreFull, or BlobMissing where the unfinished blob was deleted meanwhile.
        """

    def abort(self) -> None:
        """Forget what was written. Harmless at any time before `commit` returned."""


class BlobReader(Protocol):
    """A blob that is being read. It stays readable until closed, even when it is deleted meanwhile, if the store can do
    that; else `read` raises BlobMissing. Never does it return what was not written."""

    size: int

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset`, fewer only at the end."""

    def close(self) -> None: ...


class BlobStore(Protocol):
    """Named blobs."""

    def create(self, name: str) -> BlobWriter: ...

    def open(self, name: str) -> BlobReader:
        """Raises BlobMissing."""

    def delete(self, name: str) -> None:
        """Remove the blob and whatever is left of an attempt to write it; harmless where there is none."""

    def names(self, older_than_seconds: float) -> Iterable[str]:
        """Names of all blobs and of all unfinished ones that were last written to so long ago."""

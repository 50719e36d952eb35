"""Opening the block store that the settings name."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from services.volume.local_store import LocalStore
from storage.client.block_store import BlockStore


def open_store(url: str) -> BlockStore:
    """The store at `url`. Raises ValueError for an address of no known kind."""
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.path:
        return LocalStore(Path(parts.path))
    raise ValueError(f"QUORATE_STORE_URL: no store is of the kind {url!r}; use file:///directory")

"""Opening the block store that the settings name."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from services.volume.local_store import LocalStore
from storage.client.block_store import BlockStore
from storage.client.open import SCHEME, StoreAddress, open_block_store

#: How long a cluster may take to answer, seconds.
_PATIENCE = 10.0


def check_address(url: str) -> str:
    """The address again. Raises ValueError, with a sentence, where it is of no known kind."""
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.path:
        return url
    if parts.scheme != SCHEME:
        raise ValueError(f"no store is of the kind {url!r}; use {SCHEME}://host:6789/pool or file:///directory")
    StoreAddress.parse(url)
    return url


def open_store(url: str) -> BlockStore:
    """The store at `url`. Raises ValueError for an unknown kind, Unavailable where no cluster answers."""
    check_address(url)
    if url.startswith("file:"):
        return LocalStore(Path(urlsplit(url).path))
    return open_block_store(url, deadline=_PATIENCE)

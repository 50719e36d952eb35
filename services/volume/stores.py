"""Opening the block store that the settings name."""

from __future__ import annotations

import logging
from pathlib import Path
from urllib.parse import urlsplit

from services.volume.local_store import LocalStore
from storage.client.block_store import BlockStore
from storage.client.open import SCHEME, open_block_store
from storage.errors import Unavailable

log = logging.getLogger(__name__)


def open_store(url: str) -> BlockStore:
    """The store at `url`; waits for a cluster that is still starting. Raises ValueError for an unknown kind."""
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.path:
        return LocalStore(Path(parts.path))
    if parts.scheme != SCHEME:
        raise ValueError(f"QUORATE_STORE_URL: no store is of the kind {url!r}; use {SCHEME}://host:6789/pool")
    while True:
        try:
            return open_block_store(url)
        except Unavailable as error:
            log.warning("the block store is not there yet: %s", error)

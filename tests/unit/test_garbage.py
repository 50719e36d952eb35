"""Imports without a search for garbage."""

from __future__ import annotations

import gc
from contextlib import suppress

from services.platform.garbage import importing


def test_garbage_is_not_looked_for_meanwhile_and_is_afterwards_whatever_happened() -> None:
    gc.unfreeze()
    assert gc.isenabled()
    with suppress(ImportError), importing():
        meanwhile = gc.isenabled()
        raise ImportError
    assert not meanwhile
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0
    gc.unfreeze()

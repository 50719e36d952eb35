"""Fixtures that several files of unit tests share. What they need is imported where it is used: most need none of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.store_machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A store on a disk that the test can damage."""
    from tests.unit.store_machine import Machine

    made = Machine(tmp_path / "osd")
    yield made
    made.store.abandon()

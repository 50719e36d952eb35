"""Fixtures that several files of unit tests share; what they need is imported in them."""

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

"""What the tests of the APIs take from the cloud under test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cloud import Cloud, Raw
from tests.second_region import TwoRegions

__all__ = ["Cloud", "Raw"]


@pytest.fixture(scope="session")
def regions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoRegions]:
    """A cloud of two regions, always of the tests' own."""
    from tests.second_region import two_regions

    with two_regions(tmp_path_factory.mktemp("regions")) as made:
        yield made

"""The short form that continuous integration runs: of several faults that say the same, the one that says most.

`make test` on anybody's machine runs all of them, and `make failover` measures them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

#: Faults of tests/lab that the short form leaves out.
LEFT_OUT = {
    "lb-haproxy",
    "writer-stop",
    "queue-pause",
    "scheduler",
    "compute",
    "one-of-each",
    "all",
    "osd-pause",
    "mon-majority",
    "region-alone",
    "third-site",
    "wan-flap",
}
#: How long the short form leaves something broken at most, in seconds.
HELD = 20.0

long = pytest.mark.long


def each(faults: Iterable[Any]) -> pytest.MarkDecorator:
    """Parametrizes a test with faults, which have keys; those that the short form leaves out are marked."""
    params = [pytest.param(fault, id=fault.key, marks=[long] if fault.key in LEFT_OUT else []) for fault in faults]
    return pytest.mark.parametrize("fault", params)


def selected(items: list[pytest.Item]) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """Those of the short form, and those that it leaves out."""
    left_out = [item for item in items if item.get_closest_marker("long")]
    return [item for item in items if item not in left_out], left_out

"""Undoes every fault there is, of whatever kind."""

from __future__ import annotations

import time
from collections.abc import Callable

from lab import faults
from lab.leases.kinds import undo_inside
from lab.leases.lease import Leases
from lab.leases.order import opened_lab
from lab.wan import heal_way


def heal_all(told: Callable[[str], None]) -> bool:
    """Reconnect, thaw and start whatever is cut off, frozen or dead, on the way between the sites too.

    Tells each thing that was done, a sentence without its stop; returns whether there was any. Raises LabError.
    """
    leases = Leases()
    with opened_lab() as (state, engine):
        with leases.turn():
            mended = faults.heal(engine, state.topology, told)
            for sentence in undo_inside(engine, state.topology, leases, time.time()):
                mended += 1
                told(sentence)
        way = heal_way(engine) if state.regions > 1 else ""
        if way:
            told(f"The way between the sites is free again ({way})")
    return bool(mended or way)

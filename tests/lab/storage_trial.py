"""One fault of the block store under load: gaps, the way back, and the verdict on every block."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from lab import faults
from lab.store_address import POOL
from lab.topology import Part, parts_with_role
from tests.lab.blocks import BlockLoad
from tests.lab.power import quorate_up
from tests.lab.record import BLOCKS, Record
from tests.lab.region import Region

CALM, HELD, BACK = 2.0, 6.0, 120.0


@dataclass(frozen=True)
class StorageFault:
    """What is struck, and how it is mended."""

    key: str
    strike: Callable[[Region, BlockLoad], list[Part]]
    held: float = HELD
    up: bool = False  # mended by `quorate up`


def store_url(region: Region) -> str:
    """Where the lab's store is."""
    return f"quorate://{','.join(region.topology.monitors)}/{POOL}"


def run_storage_trial(region: Region, fault: StorageFault, run: int) -> Record:
    """Strike, wait, mend, judge."""
    load = BlockLoad(store_url(region), secrets.token_hex(3))
    load.start()
    load.whole_after(BACK * region.slow)
    calm = load.gap_within(CALM)
    struck = fault.strike(region, load)
    gap = load.gap_within(fault.held)
    began = time.monotonic()
    if fault.up:
        quorate_up(300 * region.slow)
    else:
        region.heal()
    load.whole_after(BACK * region.slow)
    redundant_after = time.monotonic() - began
    region.wait_redundant(BACK)
    returning = load.gap_within(1.0)
    verdict = load.stop()
    problems = (*(one.says for one in verdict.counterexamples), *verdict.undecided)
    return Record(
        fault=fault.key, run=run, struck=tuple(part.name for part in struck), calm={BLOCKS: calm}, gaps={BLOCKS: gap},
        returning={BLOCKS: returning}, requests=len(load.history), failed_safe=len(load.errors), refused=0,
        unknown=sum(one.end is None for one in load.history), redundant_after=redundant_after,
        lost=len(verdict.counterexamples), ruling=str(verdict.ruling), problems=problems,
        failed=tuple(load.errors[:20]),
    )  # fmt: skip


def _one(role: str, how: Callable[..., None], number: int = 1) -> Callable[[Region, BlockLoad], list[Part]]:
    def strike(region: Region, load: BlockLoad) -> list[Part]:
        parts = list(parts_with_role(role)[:number])
        for part in parts:
            how(region.engine, part)
        return parts

    return strike


def _all(region: Region, load: BlockLoad) -> list[Part]:
    parts = [*parts_with_role("osd"), *parts_with_role("mon")]
    region.kill_together(parts)
    return parts


FAULTS = (
    StorageFault("osd-kill", _one("osd", faults.kill)),
    StorageFault("osd-pause", _one("osd", faults.pause)),
    StorageFault("osd-cut", _one("osd", faults.cut)),
    StorageFault("mon-kill", _one("mon", faults.kill), 3.0),
    StorageFault("mon-majority", _one("mon", faults.kill, 2), 3.0),
    StorageFault("storage-power", _all, 1.0, up=True),
)

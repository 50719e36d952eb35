"""A fault is ordered: whom its selectors mean now, a lease on them, a keeper for it; and it is taken back early."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from lab.containers import LabEngine, open_engine
from lab.errors import BadNameError, NotRunningError
from lab.leases import keeper, kinds, lease
from lab.leases.lease import Lease, Leases
from lab.leases.selectors import Selection
from lab.look import look_at, running_lab
from lab.state import LabState
from lab.topology import Part


def order(
    kind: str,
    selectors: Sequence[str],
    seconds: float,
    seed: int | None = None,
    *,
    others: Sequence[str] = (),
    detail: str = "",
) -> Lease:
    """Break the parts that these stand for, for so long. Raises LabError; then nothing is left broken."""
    with opened_lab() as (state, engine):
        selection = Selection(engine.containers(), look_at, random.Random(seed))  # noqa: S311 - a choice, no secret
        parts = selection.parts(selectors)
        kinds.refuse(kind, parts)
        if others:
            far = [part for part in selection.parts(others) if part not in parts]
            if not far:
                raise BadNameError("Both sides are the same: a partition has two.")
            detail = f"from {','.join(part.label for part in far)}"
        ordered = lease.new(kind, _labels(parts), time.time(), seconds, detail)
        return _inflict(engine, state, ordered)


def take_back(ordered: Lease) -> list[str]:
    """Undo one fault now, as when its time is over; the labels of what was mended. Raises LabError."""
    leases = Leases()
    with opened_lab() as (state, engine), leases.turn():
        mended = kinds.undo(engine, state.topology, ordered, leases.all(), time.time())
        leases.remove(ordered.id)
    return mended


@contextmanager
def opened_lab() -> Iterator[tuple[LabState, LabEngine]]:
    """The lab of this checkout and its engine. Raises NotRunningError."""
    state = running_lab()
    with open_engine(state.lab) as engine:
        if not engine.containers():
            raise NotRunningError(f"The lab {state.lab} is not up; `make up` starts it.")
        yield state, engine


def _inflict(engine: LabEngine, state: LabState, ordered: Lease) -> Lease:
    """Its time begins when all of it is there: to break a whole region takes some seconds."""
    leases = Leases()
    with leases.turn():
        kinds.undo_due(engine, state.topology, leases, time.time())
        leases.add(ordered)
        keeper.start(ordered)
        try:
            kinds.inflict(engine, state.topology, ordered)
        except BaseException:
            kinds.undo(engine, state.topology, ordered, leases.all(), time.time())
            leases.remove(ordered.id)
            raise
        in_force = ordered.from_now(time.time())
        leases.add(in_force)
        return in_force


def _labels(parts: Sequence[Part]) -> list[str]:
    if not parts:
        raise NotRunningError("The lab has nothing of that name; `quorate status` shows what it has.")
    return [part.label for part in parts]

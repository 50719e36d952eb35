"""One design's turn: its lab is up; the load, the fault, a person's reaction, the end."""

from __future__ import annotations

import threading
from collections.abc import Callable

from rich.console import Console

from lab import faults
from lab.compare.fault import Fault, Times
from lab.compare.ledger import Account, Ledger
from lab.compare.result import Result, result
from lab.containers import open_engine
from lab.errors import LabError
from lab.leases.lease import Lease, Leases
from lab.leases.order import order, take_back
from lab.paths import ROOT
from lab.patience import wait_for
from lab.replication.command import fail_over, lost_transactions
from lab.replication.members import primary_of
from lab.replication.nodes import Nodes, nodes_of_this_lab
from lab.state import LabState
from lab.watch import kept
from lab.watch.client import Client, administrator
from lab.watch.page import page
from lab.watch.recorder import Recorder
from lab.watch.recording import record
from lab.watch.run import Tone

BACK = 30.0
#: How much longer than planned a fault may last, should this process die.
SPARE = 30.0


class Trial:
    """Breaks, reacts and mends beside the recorder; keeps what went wrong with that."""

    def __init__(self, state: LabState, fault: Fault, at: Times, react: float, seed: int) -> None:
        self._state, self._fault, self._at, self._react, self._seed = state, fault, at, react, seed
        self._ended = threading.Event()
        self._done = threading.Event()
        self._ordered: Lease | None = None
        self.problem: LabError | None = None
        self._client = Client(administrator(state.topology))
        self._ledger = Ledger(self._client)
        self._account = Account(0, ())

    def run(self, seconds: float, out: Console) -> Result:
        """The whole turn. Raises LabError."""
        self._ledger.open()
        try:
            run = record(
                self._state, self._state.topology, seconds, out, is_live=False, beside=self._beside, after=self._after
            )
        finally:
            self._ended.set()
            self._client.close()
        if self.problem is not None:
            raise self.problem
        place = kept.keep(run, page(run)).relative_to(ROOT)
        broken = self._ordered.labels if self._ordered else ()
        return result(self._state.design.name, broken, run, self._account, self._left_behind(), str(place))

    def _beside(self, recorder: Recorder) -> None:
        try:
            self._ended.wait(self._at.strikes - recorder.now)
            duration = self._at.returns - recorder.now
            self._ordered = order(
                self._fault.kind, [self._fault.selector], duration + SPARE, self._seed, others=self._fault.others
            )
            if self._state.design.replicates:
                self._ended.wait(self._react)
                self._promote(recorder, self._ordered)
            self._ended.wait(self._at.returns - recorder.now)
        except LabError as error:
            self.problem = error
        finally:
            self._mend()
            self._done.set()

    def _promote(self, recorder: Recorder, ordered: Lease) -> None:
        """What a person does who was told, after the time that this takes."""
        nodes = nodes_of_this_lab()
        members = nodes.all()
        primary = primary_of(members)
        if primary is not None and primary.name not in ordered.labels:
            return
        with open_engine(self._state.lab) as engine:
            promoted = fail_over(nodes, engine, members, force=True)
        recorder.tell("you", f"quorate db failover: {promoted} is the primary", Tone.CHANGE)

    def _mend(self) -> None:
        if self._ordered is not None and Leases().find(self._ordered.id) is not None:
            take_back(self._ordered)
        with open_engine(self._state.lab) as engine:
            faults.heal(engine, self._state.topology, lambda sentence: None)

    def _after(self) -> None:
        self._ended.set()
        self._done.wait(60)
        self._account = self._ledger.close()

    def _left_behind(self) -> int | None:
        if not self._state.design.replicates:
            return None
        nodes = nodes_of_this_lab()
        if not wait_for(_all_settled(nodes), BACK):
            raise LabError("Not every database node is back, so it cannot be said what was lost: `quorate db status`.")
        return sum(len(found) for found in lost_transactions(nodes, nodes.all()).values())


def _all_settled(nodes: Nodes) -> Callable[[], bool]:
    """Whether each node takes writes, follows, or has said that it cannot."""

    def settled() -> bool:
        return all(each.answers and (each.is_writable or each.receives or each.has_diverged) for each in nodes.all())

    return settled

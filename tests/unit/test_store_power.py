"""Power loss at any call of any file, with any part of what was not synced on the disk: whole changes, in order."""

from __future__ import annotations

import math
import tempfile
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from storage.osd.memory_store import MemoryStore
from storage.osd.store.disk_store import DiskStore, Settings, make
from storage.osd.store.superblock import Superblock
from storage.osd.transaction import Transaction
from tests.unit.store_changes import COUNTED, LAST, Plan, plans, transaction
from tests.unit.store_power import FAST, HandLoop, HandThreads, PowerDisk, PowerLoss
from tests.unit.store_view import view

#: Twice the largest change, so that the journal is full all the time.
WHOSE = Superblock(fsid="f", osd_uuid="u", osd_id=0, journal_size=48 << 10)


class Machine:
    """A store, what was submitted to it, and how much of that it acknowledged."""

    def __init__(self, directory: Path, configured: Settings) -> None:
        self.directory, self.configured, self.disk = directory, configured, PowerDisk()
        self.history: list[Transaction] = []
        self.acknowledged = 0
        make(directory, WHOSE, self.disk)
        self.open()

    def open(self) -> None:
        self.loop, self.threads = HandLoop(), HandThreads()
        self.store = DiskStore(
            self.directory, self.loop, settings=self.configured, disk=self.disk, threads=self.threads
        )

    def submit(self, plan: Plan) -> None:
        number = len(self.history) + 1
        self.history.append(transaction(plan, number))
        self.store.submit(self.history[-1], lambda: self.acknowledge(number))

    def acknowledge(self, number: int) -> None:
        assert number == self.acknowledged + 1, "acknowledged out of order"
        self.acknowledged = number

    def settle(self) -> None:
        while self.loop.turn() or self.threads.turn():
            pass

    def power_loss(self, random: Random) -> None:
        self.store.abandon()
        while True:
            self.disk.lose_power(random)
            self.disk.fuse = random.choice((None, None, random.randrange(20)))
            with suppress(PowerLoss):
                self.open()
                break
            event("power loss in a replay")
        self.disk.fuse = None
        assert not self.store.damaged_journal
        self.judge()

    def judge(self) -> None:
        """Nothing acknowledged is gone, and the store is what it was after some transaction."""
        kept = int(self.store.meta(COUNTED, LAST) or 0)
        assert self.acknowledged <= kept <= len(self.history)
        del self.history[kept:]
        self.acknowledged = kept
        self.compare()

    def compare(self) -> None:
        model = MemoryStore()
        for done in self.history[: self.acknowledged]:
            model.submit(done, lambda: None)
        model.commit()
        assert view(self.store) == view(model)


_submits = st.tuples(st.just("submit"), plans)
_turns = st.tuples(st.sampled_from(("turn", "turn", "work", "overtake", "settle")), st.none())
_rarely = st.tuples(st.sampled_from(("look", "close", "kill")), st.none())
_fuses = st.tuples(st.just("fuse"), st.integers(0, 12))
steps = st.lists(
    st.one_of(_submits, _submits, _submits, _turns, _turns, _turns, _fuses, _rarely), min_size=20, max_size=60
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(steps, st.sampled_from((math.inf, -1.0)), st.sampled_from((1, 1000)), st.randoms(use_true_random=False))
def test_power_loss_leaves_whole_changes_in_order(
    script: list[tuple[str, object]], patience: float, cached: int, random: Random
) -> None:
    configured = Settings(reserve=0, reserve_share=0, cached_objects=cached, patience=patience)
    with tempfile.TemporaryDirectory(dir=FAST) as directory:
        machine = Machine(Path(directory), configured)
        for step, value in script:
            try:
                run(machine, step, value)
            except PowerLoss:
                event("power loss")
                machine.power_loss(random)
        machine.disk.fuse = None
        machine.settle()
        assert machine.acknowledged == len(machine.history)
        machine.compare()
        machine.power_loss(random)
        machine.store.close()


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(st.lists(plans, min_size=100, max_size=100), st.sampled_from((1, 1000)), st.randoms(use_true_random=False))
def test_checkpoints_that_take_as_long_as_they_may(script: list[Plan], cached: int, random: Random) -> None:
    """The journal is written while a checkpoint waits, until it is full; the process dies now and then."""
    with tempfile.TemporaryDirectory(dir=FAST) as directory:
        machine = Machine(Path(directory), Settings(reserve=0, reserve_share=0, cached_objects=cached))
        for plan in script:
            machine.submit(plan)
            while machine.loop.turn():
                pass
            while machine.acknowledged < len(machine.history):
                machine.threads.turn(newest=True)
                machine.loop.turn()
            if random.random() < 0.05:
                machine.power_loss(random)
            elif random.random() < 0.2:
                machine.compare()


def run(machine: Machine, step: str, value: object) -> None:
    match step, value:
        case "submit", list():
            machine.submit(value)
        case "turn", _:
            machine.loop.turn()
        case "work", _:
            machine.threads.turn()
        case "overtake", _:
            machine.threads.turn(newest=True)
        case "settle", _:
            machine.settle()
        case "look", _:
            machine.compare()
        case "fuse", int():
            machine.disk.fuse = value
        case "close", _:
            machine.store.close()
            assert machine.acknowledged == len(machine.history)
            machine.open()
        case "kill", _:
            machine.store.abandon()
            machine.open()
            machine.judge()

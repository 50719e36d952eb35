"""Is a history of reads and writes one that a linearizable device could have answered? Pure.

Every block of a device is a register: each operation must seem to happen at one instant between its start and its end.
In general that is hard to decide. It is easy where every write of a register has a value of its own, because each read
then tells which write it saw (P. B. Gibbons and E. Korach, "Testing shared memories", SIAM J. Comput. 26, 1997):

- A write and the reads that saw it are a *cluster*; no other cluster may come between them. By the first end among them
  the value *was there*, until the last start among them it had *to stay*.
- So a cluster comes before another where its first end is before the other's last start. The history is linearizable
  exactly if no read ended before its write began and no two clusters each come before the other.
- As intervals: a cluster that must stay after it was there has a *forward zone* between the two instants, any other a
  *backward zone*. No two forward zones may overlap, and no backward zone may lie in a forward one. Sorting finds both.

It accuses nobody wrongly: of two operations that touch (one starts when the other ends) either may have been first, and
a write of unknown outcome happened whenever the reads that saw it need it, or never.
"""

from __future__ import annotations

import reprlib
from bisect import bisect_left
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import inf


class Kind(StrEnum):
    """What was asked of a register."""

    READ = "read"
    WRITE = "write"


class Outcome(StrEnum):
    """How an operation ended, as far as its client can know."""

    OK = "ok"
    FAIL = "fail"  # it certainly had no effect: it was refused, or it was a question that nobody answered
    UNKNOWN = "unknown"  # no answer: a write may have its effect at any time after its start, or never


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation on the register `key`; times in seconds on one clock. `end` is None where no answer came.

    `value` is what was written or seen. No two writes of a register have the same, nor its initial value.
    """

    key: Hashable
    kind: Kind
    value: Hashable
    start: float
    end: float | None = None
    outcome: Outcome = Outcome.OK


class Ruling(StrEnum):
    """Whether the history is linearizable."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"  # a value was written twice, so that a read does not tell which write it saw


@dataclass(frozen=True, slots=True)
class Counterexample:
    """Why one register's history is not linearizable: a sentence, and the few operations that prove it."""

    key: Hashable
    says: str
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The ruling, at most one counterexample a register, and the registers that could not be judged."""

    ruling: Ruling
    counterexamples: tuple[Counterexample, ...] = ()
    undecided: tuple[str, ...] = ()


def judge(history: Iterable[Operation], *, initial: Hashable = None, noun: str = "block") -> Verdict:
    """Judge every register of a history by itself, which is enough: linearizability is local.

    `initial` is what each register held before the history. O(n log n) in the number of operations. Raises ValueError
    for an operation that ended well without an end, or before it started.
    """
    registers: dict[Hashable, list[Operation]] = {}
    for one in history:
        if one.end is None and one.outcome is Outcome.OK:
            raise ValueError(f"it ended well, but when? {one}")
        if one.end is not None and one.end < one.start:
            raise ValueError(f"it ended before it started: {one}")
        registers.setdefault(one.key, []).append(one)
    found: list[Counterexample] = []
    undecided: list[str] = []
    for key, operations in registers.items():
        try:
            problem = first_problem(clusters_of(operations, initial))
        except WrittenTwice as twice:
            undecided.append(f"{noun} {key}: {_show(twice.value)} was written more than once")
        else:
            if problem is not None:
                says, proof = problem
                found.append(Counterexample(key, f"{noun} {key}: {says}", proof))
    ruling = Ruling.INVALID if found else Ruling.UNKNOWN if undecided else Ruling.VALID
    return Verdict(ruling, tuple(found), tuple(undecided))


#: What is wrong, and the operations that prove it.
Problem = tuple[str, tuple[Operation, ...]]


class WrittenTwice(Exception):
    """Two writes of one register have the same value, or one has the initial value."""

    def __init__(self, value: Hashable) -> None:
        super().__init__(value)
        self.value = value


@dataclass(slots=True)
class Cluster:
    """A value's write and the reads that saw it.

    The initial value has been there since always and has no write; nor has a value that came from nowhere.
    """

    value: Hashable
    write: Operation | None = None
    refused: Operation | None = None
    #: The operation that ended first, and when: since then the value was there. Only a write without an end has none.
    first: Operation | None = None
    first_end: float = inf
    #: The operation that started last, and when: until then the value had to stay.
    last: Operation | None = None
    last_start: float = -inf

    @property
    def is_initial(self) -> bool:
        return self.first_end == -inf

    @property
    def is_forward(self) -> bool:
        """Whether no other value can have been there at all between `first_end` and `last_start`."""
        return self.first_end < self.last_start

    def comes_before(self, other: Cluster) -> bool:
        """Whether one of its operations ended before one of the other's started."""
        return self.first_end < other.last_start

    def add(self, one: Operation) -> None:
        end = one.end if one.end is not None and one.outcome is Outcome.OK else inf
        if end < self.first_end:
            self.first, self.first_end = one, end
        if one.start > self.last_start:
            self.last, self.last_start = one, one.start


def clusters_of(operations: Iterable[Operation], initial: Hashable) -> list[Cluster]:
    """One register's operations by their values, without those that say nothing. Raises WrittenTwice."""
    clusters = {initial: Cluster(initial, first_end=-inf)}
    refused: dict[Hashable, Operation] = {}
    for one in operations:
        is_write = one.kind is Kind.WRITE
        if one.outcome is Outcome.FAIL and is_write:
            refused[one.value] = one
        if one.outcome is Outcome.FAIL or (one.outcome is Outcome.UNKNOWN and not is_write):
            continue
        cluster = clusters.get(one.value)
        if cluster is None:
            cluster = clusters[one.value] = Cluster(one.value)
        if is_write:
            if cluster.write is not None or cluster.is_initial:
                raise WrittenTwice(one.value)
            cluster.write = one
        cluster.add(one)
    for value, one in refused.items():
        if value in clusters:
            clusters[value].refused = one
    return list(clusters.values())


def first_problem(clusters: Iterable[Cluster]) -> Problem | None:
    """What no linearizable register does, with the operations that prove it; None for a history without fault."""
    known = []
    for cluster in clusters:
        write, first = cluster.write, cluster.first
        if first is None or cluster.is_initial:
            known.append(cluster)  # the initial value, or a write that nobody saw and that may never have happened
        elif write is None:
            return _from_nowhere(first, cluster.refused)
        elif cluster.first_end < write.start:
            return _before_its_write(first, write)
        else:
            known.append(cluster)
    pair = conflict(known)
    return None if pair is None else _each_before_the_other(*pair)


def conflict(clusters: Iterable[Cluster]) -> tuple[Cluster, Cluster] | None:
    """Two clusters that each come before the other: two forward zones that overlap, or a backward one in a forward."""
    forward: list[Cluster] = []
    backward: list[Cluster] = []
    for cluster in clusters:
        (forward if cluster.is_forward else backward).append(cluster)
    forward.sort(key=lambda cluster: (cluster.first_end, cluster.last_start))
    for earlier, later in pairwise(forward):
        if later.comes_before(earlier):
            return earlier, later
    starts = [cluster.first_end for cluster in forward]
    for cluster in backward:
        # The forward zones are disjoint: only the last one that begins before this one can hold it.
        index = bisect_left(starts, cluster.last_start) - 1
        if index >= 0 and cluster.comes_before(forward[index]):
            return forward[index], cluster
    return None


def _from_nowhere(read: Operation, refused: Operation | None) -> Problem:
    says = f"{_the_read(read)} gave {_show(read.value)}, "
    if refused is None:
        return says + "which nobody had written", (read,)
    return says + f"although the write of it that began at {_seconds(refused.start)} had been refused", (refused, read)


def _before_its_write(read: Operation, write: Operation) -> Problem:
    says = f"{_the_read(read)} gave {_show(read.value)} and ended at {_seconds(read.end)}, "
    return says + f"before the write of it began at {_seconds(write.start)}", (read, write)


def _each_before_the_other(one: Cluster, other: Cluster) -> Problem:
    """Told from the read that came last: it saw a value that another one had already replaced."""
    old, new = sorted((one, other), key=lambda cluster: (cluster.is_initial, cluster.last_start), reverse=True)
    if old.last is None or new.first is None or new.last is None:
        raise ValueError("these two clusters do not contradict each other")
    value, instead = _show(old.value), _show(new.value)
    says = f"{_the_read(old.last)} gave {'the initial ' if old.is_initial else ''}{value} "
    says += f"although {instead} had been {_known_by(new.first)} at {_seconds(new.first_end)}"
    if old.first is not None:
        after = f"the write of {instead} began" if new.last is new.write else f"a read that gave {instead} began"
        says += f", and {value} had been {_known_by(old.first)} at {_seconds(old.first_end)}, "
        says += f"before {after} at {_seconds(new.last_start)}, so {instead} replaced {value}"
    proof = {one for one in (old.write, old.first, new.write, new.first, new.last, old.last) if one is not None}
    return says, tuple(sorted(proof, key=lambda operation: operation.start))


def _the_read(read: Operation) -> str:
    return f"the read that began at {_seconds(read.start)}"


def _known_by(first: Operation) -> str:
    return "read" if first.kind is Kind.READ else "acknowledged"


def _show(value: Hashable) -> str:
    return reprlib.repr(value)


def _seconds(instant: float | None) -> str:
    return f"{instant or 0.0:.6f}".rstrip("0").rstrip(".") + " s"

"""The safety verdict: was anything that was acknowledged lost, left unfinished, overcommitted or done twice? Pure.

A fault test ends with it. Three values: *valid*; *invalid*, with every sentence that makes it so; *unknown*, where the
final state could not be read. An operation of unknown outcome may have had its effect once or not at all, both are
right; twice never is. A refused one must have had none.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tests.lab import done, kept
from tests.lab.final_state import FinalState
from tests.lab.history import Operation


class Ruling(StrEnum):
    """Whether the invariants held."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Verdict:
    """The ruling, how many acknowledged effects are gone, and every reason in a sentence."""

    ruling: Ruling
    lost: int
    problems: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def judge(history: Iterable[Operation], state: FinalState) -> Verdict:
    """Hold what the clients were told against what is there."""
    operations = list(history)
    invariants = (*kept.INVARIANTS, *done.INVARIANTS)
    problems = [problem for invariant in invariants for problem in invariant(operations, state)]
    unread = tuple(_unread(operations, state))
    ruling = Ruling.INVALID if problems else Ruling.UNKNOWN if unread else Ruling.VALID
    lost = sum(problem.is_loss for problem in problems)
    return Verdict(ruling, lost, tuple(problem.says for problem in problems), unread)


def _unread(operations: Sequence[Operation], state: FinalState) -> Iterator[str]:
    kinds = {one.kind for one in operations}
    for noun in kept.ROWS:
        if state.rows.get(noun) is None and f"create {noun}" in kinds:
            yield f"{noun}s"
    if state.checksums is None and "upload image" in kinds:
        yield "image data"
    if state.tags is None and "tag image" in kinds:
        yield "image tags"
    if state.objects is None and "put object" in kinds:
        yield "objects"
    for name in ("servers", "hosts", "guests") if "create server" in kinds else ():
        if getattr(state, name) is None:
            yield name

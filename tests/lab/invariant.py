"""What every invariant of the verdict is made of."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.lab.final_state import FinalState
from tests.lab.history import Operation, Outcome


@dataclass(frozen=True)
class Problem:
    """One broken invariant; `is_loss` where something acknowledged is gone."""

    says: str
    is_loss: bool = False


#: An invariant, as the sentences in which a history and a final state break it.
Invariant = Callable[[Sequence[Operation], FinalState], Iterator[Problem]]


def of(operations: Iterable[Operation], kind: str, outcome: Outcome) -> list[Operation]:
    """The operations of one kind that ended in one way."""
    return [one for one in operations if one.kind == kind and one.outcome is outcome]


def ids_of(operations: Iterable[Operation], kind: str, outcome: Outcome) -> set[str]:
    """The rows that those operations are about."""
    return {row for one in of(operations, kind, outcome) for row in one.ids}

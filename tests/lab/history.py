"""What the clients did and what came of it: one operation a line, with the only three outcomes there are."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.registers import Outcome


@dataclass(frozen=True, slots=True)
class Operation:
    """One request of a client, its own repetitions included.

    `kind` is a verb and a noun ("create server"); `name` is what the client called it, used once in a history;
    `ids` are the rows that the answer acknowledged; `facts` what else must hold (a checksum, how many were asked for).
    """

    kind: str
    name: str
    began: float
    ended: float
    outcome: Outcome
    is_safe: bool = True
    status: int | None = None
    tries: int = 1
    why: str = ""
    ids: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


class History:
    """Operations of many threads in the order in which they ended."""

    def __init__(self) -> None:
        self._operations: list[Operation] = []
        self._more = threading.Condition()

    def add(self, operation: Operation) -> None:
        """Remember one."""
        with self._more:
            self._operations.append(operation)
            self._more.notify_all()

    def all(self) -> list[Operation]:
        """Everything so far."""
        with self._more:
            return list(self._operations)

    def __iter__(self) -> Iterator[Operation]:
        return iter(self.all())

    def wait_for(self, count: int, seconds: float, kind: str = "", since: float = 0.0) -> None:
        """Return when `count` operations (of a kind) that began after `since` succeeded. Raises TimeoutError."""

        def enough() -> bool:
            return count <= sum(
                one.outcome is Outcome.OK and one.began >= since and kind in ("", one.kind) for one in self._operations
            )

        with self._more:
            if not self._more.wait_for(enough, seconds):
                raise TimeoutError(f"fewer than {count} of {kind or 'any request'} succeeded within {seconds:.0f} s")


@dataclass(frozen=True)
class Failures:
    """How many operations did not succeed, apart by whether the client may repeat them."""

    requests: int
    safe: int
    refused: int
    unknown: int


def failures(operations: list[Operation]) -> Failures:
    """Count them."""
    bad = [one for one in operations if one.outcome is not Outcome.OK]
    return Failures(
        requests=len(operations),
        safe=sum(one.is_safe for one in bad),
        refused=sum(not one.is_safe and one.outcome is Outcome.FAIL for one in bad),
        unknown=sum(not one.is_safe and one.outcome is Outcome.UNKNOWN for one in bad),
    )

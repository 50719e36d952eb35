"""Does what a plan says, step by step, and takes a switchover back that cannot be completed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from docker.errors import APIError, NotFound

from lab.containers import LabEngine
from lab.errors import LabError
from lab.replication.nodes import Nodes
from lab.replication.plan import Step, Verb

CATCH_UP, DRAIN = 5.0, 30.0
Told = Callable[[str], None]


class Performer:
    """Keeps what one step leaves for the next: positions, and who was closed."""

    def __init__(self, nodes: Nodes, engine: LabEngine, told: Told) -> None:
        self._nodes, self._engine, self._told = nodes, engine, told
        self._position = ""
        self._closed = ""

    def perform(self, steps: Sequence[Step]) -> None:
        """All of them. Raises LabError; then a primary that was closed for it takes writes again."""
        try:
            for step in steps:
                _DOES[step.verb](self, step)
                self._told(step.sentence)
        except BaseException:
            if self._closed:
                self._nodes.open(self._closed)
                self._told(f"{self._closed} takes writes again")
            raise

    def close(self, step: Step) -> None:
        """Remember how far it came."""
        self._closed = step.node
        self._position = self._nodes.close(step.node)

    def catch_up(self, step: Step) -> None:
        """Wait for the new primary."""
        if not self._nodes.await_position(step.node, self._position, CATCH_UP):
            raise LabError(f"{step.node} does not reach {self._position} within {CATCH_UP:.0f} s: nothing was changed.")

    def fence(self, step: Step) -> None:
        """Kill it, frozen or cut off as it may be: when it comes back, it comes back read-only."""
        facts = self._engine.containers().get(step.node)
        if facts is None or facts.state not in {"running", "paused"}:
            return
        try:
            self._engine.client.containers.get(facts.container).kill("SIGKILL")
        except (APIError, NotFound) as error:
            raise LabError(f"{step.node} could not be killed, so nobody is promoted beside it: {error}.") from error

    def sever(self, step: Step) -> None:
        """Remember what it received."""
        self._position = self._nodes.sever(step.node)

    def drain(self, step: Step) -> None:
        """Wait until it has applied that."""
        if self._position and not self._nodes.await_position(step.node, self._position, DRAIN):
            raise LabError(f"{step.node} has not applied all that it received within {DRAIN:.0f} s; try again.")

    def promote(self, step: Step) -> None:
        """From here on there is no way back."""
        self._closed = ""
        self._nodes.promote(step.node)


_DOES: dict[Verb, Callable[[Performer, Step], None]] = {
    Verb.CLOSE: Performer.close,
    Verb.AWAIT: Performer.catch_up,
    Verb.FENCE: Performer.fence,
    Verb.SEVER: Performer.sever,
    Verb.DRAIN: Performer.drain,
    Verb.PROMOTE: Performer.promote,
}

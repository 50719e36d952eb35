"""Which region leaves the writing to the other, when they hear the third site but not each other.

The engine by itself would go on with both: whoever reaches both sides passes messages on. Then every write of either
region goes the long way round, through a machine that keeps no data, and nobody can say beforehand who may write.
So here one region takes precedence: the one before, which has the lower segment. While a node of a later region hears
no node of it, and the arbitrator says that it hears one in step, it *stands back*: its engine is isolated, and reads.
It says so to the arbitrator, from which the nodes of the region before learn it: they have their engines give it up,
as they would the dead, so that they go on at once. Nobody is given up who did not stand back.

Only moments count in which the arbitrator answers: a node that hears nobody, or is itself too slow to ask, says
nothing about the way. Where the arbitrator is silent, or says that the region before is lost, nobody stands back: who
goes on is then a matter of majorities.
"""

from __future__ import annotations

from collections.abc import Mapping

from galera.lasting import Lasting
from galera.records import SERVING_PHASES, Node, named

STANDS_BACK_AFTER = 6
"""Looks (`earshot.LOOK`) in a row with a silent region before. They begin when its last answer is no longer fresh, so
it is 2.1 s after the cut: later than a way that comes and goes every second, and sooner than the engine's own
suspicion (2.5 s), which in the end makes members disagree that do not hear the same."""

AT_LEAST = 8.0
"""Seconds of standing back: by then it is forgotten that the node was given up (`evs.view_forget_timeout`)."""

WELL = 1.0
"""Seconds of hearing each other after which the way counts as whole."""

PATIENCE = 15.0
"""Seconds for which the region before may be out of step, or the arbitrator silent, until standing back has no use."""

ARBITRATOR = 0


class Precedence:
    """Decides from look to look for one node. `segments` has the region of each node, `segment` is the node's own."""

    def __init__(self, segment: int, segments: Mapping[int, int]) -> None:
        self._before = {one for one, region in segments.items() if region < segment}
        self._after = {one for one, region in segments.items() if region > segment}
        self.stands_back = False
        self._silent = 0
        self._gone: set[int] = set()
        self._standing, self._well, self._useless = Lasting(), Lasting(), Lasting()

    def look(self, heard: Mapping[int, Node], now: float) -> frozenset[int]:
        """Take in who has answered of late, the arbitrator under 0; returns the nodes to give up now.

        `now` is monotonic, in seconds. Whether the node stands back is in `stands_back` after that.
        """
        arbitrator = heard.get(ARBITRATOR, Node(ARBITRATOR))
        witnessed = bool(self._before & named(arbitrator.members))
        is_heard = bool(self._before & set(heard))
        self._silent = 0 if is_heard else self._silent + witnessed
        well = self._well.seconds(is_heard, now) >= WELL
        useless = self._useless.seconds(not witnessed, now) >= PATIENCE
        if self._standing.seconds(self.stands_back, now) >= AT_LEAST and (well or useless):
            self.stands_back, self._silent = False, 0
        elif self._silent >= STANDS_BACK_AFTER:
            self.stands_back = True
        back = (self._after & named(arbitrator.back)) - set(heard)
        gone, self._gone = back - self._gone, back
        return frozenset(gone)


def in_step(heard: Mapping[int, Node]) -> set[int]:
    """The nodes among those heard that say that they are in step."""
    return {one for one, node in heard.items() if node.phase in SERVING_PHASES}


def standing_back(heard: Mapping[int, Node]) -> set[int]:
    """The nodes among those heard that say that they stand back."""
    return {one for one, node in heard.items() if one in named(node.back)}

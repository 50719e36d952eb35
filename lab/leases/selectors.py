"""Parts named by what they do now: `galera:writer`, `lb:active`, `mq:leader:conductor`, `osd:2`, `random:stateless`.

A selector is a part's name, `region:two` (or `region-two`), or `ROLE:WHICH`, with `two/` before it for the second
region. A look at the region is taken only where the answer depends on it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Container, Iterable, Sequence

from lab.errors import BadNameError, LabError
from lab.names import BREAKABLE, REGION_PREFIX, find_parts, suggestion
from lab.status_model import RegionStatus
from lab.topology import ONE, TWO, Part

ALIASES = {"db": "galera", "sdb": "shared-galera", "mq": "rabbitmq", "monitor": "mon", "agent": "compute"}
#: Any of these may be lost without a word about data.
STATELESS = frozenset(
    {"lb", "proxysql", "identity", "image", "swift-proxy", "compute-api", "scheduler", "conductor", "volume"}
)
STATEFUL = frozenset({"galera", "shared-galera", "rabbitmq", "swift", "mon", "osd"})
GROUPS = {"stateless": STATELESS, "stateful": STATEFUL, "any": STATELESS | STATEFUL}
ROLES = sorted({part.role for part in BREAKABLE if part.site == ONE})

#: What a part may be now: it leads, or it is one of the others.
LEADING: dict[str, tuple[str, ...]] = {
    "lb": ("active", "standby"),
    "galera": ("writer", "reader"),
    "rabbitmq": ("leader", "follower"),
}
#: Other words for the same: a database of any design has a writer, and some call it the primary.
SAME = {("galera", "primary"): "writer", ("galera", "replica"): "reader"}

Look = Callable[[str], RegionStatus]


class Selection:
    """Resolves selectors against one lab: `there` holds the labels of what it has, `look` sees one region."""

    def __init__(self, there: Container[str], look: Look, chance: random.Random) -> None:
        self._there, self._look, self._chance = there, look, chance
        self._seen: dict[str, RegionStatus] = {}

    def parts(self, selectors: Iterable[str]) -> list[Part]:
        """The parts that these stand for, each once. Raises BadNameError, LabError where there is none just now."""
        found: dict[str, Part] = {}
        for selector in selectors:
            found |= {part.label: part for part in self._one(selector)}
        return list(found.values())

    def _one(self, selector: str) -> Sequence[Part]:
        site, _, rest = selector.rpartition("/")
        role, colon, which = rest.partition(":")
        if not colon:
            return find_parts([selector], self._there)
        if role == "region":
            return find_parts([f"{REGION_PREFIX}{which}"], self._there)
        if site not in {"", ONE, TWO}:
            raise BadNameError(f"There is no site {site!r}: say one/ or two/ before a role.")
        here = [part for part in BREAKABLE if part.site == (site or ONE) and part.label in self._there]
        if role == "random":
            return self._any(here, which)
        role = ALIASES.get(role, role)
        if role not in ROLES:
            raise BadNameError(f"There is no role {role!r}.{suggestion(role, ROLES)}")
        return self._of_role([part for part in here if part.role == role], role, which, site or ONE)

    def _any(self, here: Sequence[Part], which: str) -> Sequence[Part]:
        roles = GROUPS.get(which, frozenset({ALIASES.get(which, which)}))
        among = [part for part in here if part.role in roles]
        if not among:
            known = ", ".join([*GROUPS, *ROLES])
            raise BadNameError(f"There is nothing {which!r} to choose from at random. Known: {known}.")
        return [self._chance.choice(among)]

    def _of_role(self, parts: Sequence[Part], role: str, which: str, site: str) -> Sequence[Part]:
        if which == "all":
            return parts
        if which.isdigit():
            chosen = [part for part in parts if part.name.endswith(which)]
            if not chosen:
                raise BadNameError(f"There is no {role} number {which}; there are {len(parts)}.")
            return chosen
        leader, others = self._leading(role, which, site)
        if others:
            return [part for part in parts if part.name != leader]
        return [part for part in parts if part.name == leader]

    def _leading(self, role: str, which: str, site: str) -> tuple[str, bool]:
        """The name of the part that leads, and whether the others are meant. Raises BadNameError, LabError."""
        word, _, queue = which.partition(":")
        known, word = LEADING.get(role, ()), SAME.get((role, word), word)
        if word not in known:
            words = ", ".join([*known, "all", "a number"])
            raise BadNameError(f"There is no {role}:{which}. After {role}: comes {words}.")
        seen = self._seen.setdefault(site, self._look(site))
        if role == "lb":
            name = seen.address_holder
        elif role == "galera":
            name = seen.writer
        else:
            name = seen.queue_leaders.get(queue or "conductor")
            if name is None and seen.queue_leaders:
                raise BadNameError(f"There is no queue {queue!r}.{suggestion(queue, seen.queue_leaders)}")
        if name is None:
            raise LabError(f"Nobody is {role}:{which} just now (see `quorate status`).")
        return name, word == known[1]

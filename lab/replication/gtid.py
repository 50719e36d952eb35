"""MariaDB's global transaction ids, and what one log has that another lacks. Pure.

A log's state names the last transaction of each server that ever wrote into it: `0-1-100,0-2-105` is domain 0, server 1
up to 100, then server 2 up to 105. Numbers rise through all servers of a domain (strict mode), so a server's own are
not without gaps, but what is above the other log's last one of the same server is only here.
See https://mariadb.com/kb/en/gtid/#gtid_binlog_state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from lab.errors import LabError

Writer = tuple[int, int]
"""Domain and server."""


class Stretch(NamedTuple):
    """Transactions of one server: those numbered above `after`, up to `last`."""

    domain: int
    server: int
    after: int
    last: int

    def __str__(self) -> str:
        first = f"{self.domain}-{self.server}-{self.after + 1}"
        return first if self.after + 1 == self.last else f"{first} to {self.last}"

    def holds(self, gtid: str) -> bool:
        """Whether a transaction is one of them."""
        domain, server, number = map(int, gtid.split("-"))
        return (domain, server) == (self.domain, self.server) and self.after < number <= self.last


def parse(state: str) -> dict[Writer, int]:
    """The last number of each server. Raises LabError for what is no state."""
    found: dict[Writer, int] = {}
    for word in filter(None, (word.strip() for word in state.split(","))):
        try:
            domain, server, number = map(int, word.split("-"))
        except ValueError as error:
            raise LabError(f"{state!r} is no position in a binary log.") from error
        found[domain, server] = max(number, found.get((domain, server), 0))
    return found


def only_in(mine: Mapping[Writer, int], theirs: Mapping[Writer, int]) -> list[Stretch]:
    """What the one log has and the other has not.

    Where the other has nothing of a server, its transactions count from the highest number that both have.
    """
    found = []
    for (domain, server), last in sorted(mine.items()):
        shared = theirs.get((domain, server), _shared(mine, theirs, domain))
        if last > shared:
            found.append(Stretch(domain, server, shared, last))
    return found


def _shared(mine: Mapping[Writer, int], theirs: Mapping[Writer, int], domain: int) -> int:
    both = [min(number, theirs[writer]) for writer, number in mine.items() if writer in theirs and writer[0] == domain]
    return max(both, default=0)


def advance(position: str) -> int:
    """How far a position is: its number, 0 for an empty one. One domain, so numbers can be compared."""
    return max(parse(position).values(), default=0)

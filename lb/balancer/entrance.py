"""Announces the anycast address while this region's entrance serves, and withdraws it when it does not.

Judged end to end, through this load balancer's own HAProxy: identity and image answer, and their databases can be
read. Reading is what the other region needs least and a client needs first; a cluster that only stalls its writes for
a moment, because the other region is lost, must not take the last entrance away.

An entrance that falls ill is first announced as a last resort: traffic goes to any healthy one at once, but on a
machine that is merely overloaded, where all entrances look ill for a moment, somebody still has the address. One that
stays ill is withdrawn, and comes back as a newcomer: behind even the ill ones, until it has been well for a while. A
load balancer that is dead or frozen is noticed by the router itself (BFD).
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from health.probe import Target, Watch
from health.verdict import Patience

from balancer.sentry import say
from balancer.supervisor import RUN

TARGETS = (
    Target("identity", "127.0.0.1", 5000, "/healthcheck/database"),
    Target("image", "127.0.0.1", 9292, "/healthcheck/database"),
)
INTERVAL = 0.4
PATIENCE = Patience(silence=0.9, recovery=1.0)
LAST_RESORT = 5.0
"""Seconds for which an ill entrance is still announced as a last resort."""

SETTLED = 10.0
"""Seconds of health before an entrance is preferred again: a region that comes back is busy with coming back."""

PROTOCOLS = ("anycast", "last_resort", "newcomer")


class Standing(NamedTuple):
    """How the entrance has been."""

    well_since: float | None = None  # None: it is ill
    well_at: float = float("-inf")
    is_known: bool = False  # it was preferred once, and has not been withdrawn since

    def seen(self, healthy: bool, now: float) -> Standing:
        """What follows from one more look."""
        if healthy:
            since = now if self.well_since is None else self.well_since
            return Standing(since, now, self.is_known or now - since >= SETTLED)
        return Standing(None, self.well_at, self.is_known and now - self.well_at < LAST_RESORT)

    def announcement(self, now: float) -> dict[str, bool]:
        """Which of BIRD's protocols are to be enabled; the router follows the best of them."""
        lately = self.well_since is not None or now - self.well_at < LAST_RESORT
        settled = self.well_since is not None and now - self.well_since >= SETTLED
        return {"anycast": settled, "last_resort": self.is_known and lately, "newcomer": lately}


class Entrance:
    """What was last told to BIRD, and what should be."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._told = dict.fromkeys(PROTOCOLS, False)
        self._standing = Standing()

    def follow(self, verdicts: Mapping[str, bool], now: float) -> None:
        """Announce or withdraw; what BIRD did not hear is told again."""
        self._standing = self._standing.seen(all(verdicts.values()), now)
        wanted = self._standing.announcement(now)
        if wanted == self._told:
            return
        with contextlib.suppress(OSError):
            for protocol in PROTOCOLS:
                if wanted[protocol] != self._told[protocol]:
                    self._tell(f"{'enable' if wanted[protocol] else 'disable'} {protocol}")
                    self._told[protocol] = wanted[protocol]
            sick = ", ".join(name for name, well in verdicts.items() if not well)
            say(f"the anycast address is {self._state()}" + (f": no {sick}" if sick else ""))

    def _state(self) -> str:
        if self._told["anycast"]:
            return "announced"
        if self._told["last_resort"]:
            return "announced as a last resort"
        return "announced as a newcomer's" if self._told["newcomer"] else "withdrawn"


def tell_bird(command: str) -> None:
    """One command on BIRD's control socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1.0)
        connection.connect(str(RUN / "bird.ctl"))
        with connection.makefile("rw", newline="\n") as lines:
            lines.readline()  # its greeting
            lines.write(f"{command}\n")
            lines.flush()
            answer = lines.readline()
    if not answer.startswith(("0008", "0009", "0010", "0011")):  # disabled or enabled, already or now
        raise OSError(answer)


def watch(targets: tuple[Target, ...]) -> None:
    """Follow the region's health for ever."""
    entrance = Entrance(tell_bird)
    Watch(targets, INTERVAL, PATIENCE).run(lambda verdicts: entrance.follow(verdicts, time.monotonic()))

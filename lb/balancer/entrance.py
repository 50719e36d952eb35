"""Announces the anycast address while this region's entrance serves, and withdraws it when it does not.

Judged end to end, through this load balancer's own HAProxy: identity and image answer, and their databases can be
read. Reading is what the other region needs least and a client needs first; a cluster that only stalls its writes for
a moment, because the other region is lost, must not take the last entrance away.

An entrance that falls ill is first announced as a last resort: traffic goes to any healthy one at once, but on a
machine that is merely overloaded, where all entrances look ill for a moment, somebody still has the address. One that
stays ill is withdrawn. A load balancer that is dead or frozen is noticed by the router itself (BFD).
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Mapping

from health.probe import Target, Watch
from health.verdict import Patience

from balancer.sentry import say
from balancer.supervisor import RUN

TARGETS = (
    Target("identity", "127.0.0.1", 5000, "/healthcheck/database"),
    Target("image", "127.0.0.1", 9292, "/healthcheck/database"),
)
INTERVAL = 0.2
PATIENCE = Patience(silence=0.45, recovery=1.0)
LAST_RESORT = 5.0
"""Seconds for which an ill entrance is still announced as a last resort."""

SETTLED = 10.0
"""Seconds of health before an entrance is preferred again: a region that comes back is busy with coming back."""

PROTOCOLS = ("anycast", "last_resort")


def announcement(well_since: float | None, well_at: float, now: float) -> dict[str, bool]:
    """Which of BIRD's protocols are to be enabled.

    `well_since` is when the entrance became healthy, None while it is not; `well_at` when it was last healthy.
    """
    settled = well_since is not None and now - well_since >= SETTLED
    return {"anycast": settled, "last_resort": well_since is not None or now - well_at < LAST_RESORT}


class Entrance:
    """What was last told to BIRD, and what should be."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._told = dict.fromkeys(PROTOCOLS, False)
        self._well_at = float("-inf")
        self._well_since: float | None = None

    def follow(self, verdicts: Mapping[str, bool], now: float) -> None:
        """Announce or withdraw; what BIRD did not hear is told again."""
        healthy = all(verdicts.values())
        if healthy:
            self._well_at = now
        if not healthy:
            self._well_since = None
        elif self._well_since is None:
            self._well_since = now
        wanted = announcement(self._well_since, self._well_at, now)
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
        return "announced as a last resort" if self._told["last_resort"] else "withdrawn"


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

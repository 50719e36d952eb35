"""Announces the anycast address while this region's entrance serves, and withdraws it when it does not.

Judged end to end, through this load balancer's own HAProxy: identity and image answer, and their databases can be
read. Reading is what the other region needs least and a client needs first; a cluster that only stalls its writes for
a moment, because the other region is lost, must not take the last entrance away.
"""

from __future__ import annotations

import contextlib
import socket
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
PATIENCE = Patience(silence=0.4, recovery=0.5)


class Entrance:
    """What was last told to BIRD, and what should be."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell, self._announced = tell, False

    def follow(self, verdicts: Mapping[str, bool]) -> None:
        """Announce or withdraw; what BIRD did not hear is told again."""
        healthy = all(verdicts.values())
        if healthy == self._announced:
            return
        with contextlib.suppress(OSError):
            self._tell("enable anycast" if healthy else "disable anycast")
            self._announced = healthy
            sick = ", ".join(name for name, well in verdicts.items() if not well)
            say("the anycast address is announced" if healthy else f"the anycast address is withdrawn: no {sick}")


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
    Watch(targets, INTERVAL, PATIENCE).run(Entrance(tell_bird).follow)

"""The fault that every design gets, and when. Pure."""

from __future__ import annotations

from typing import NamedTuple

from lab.errors import BadNameError

KINDS = ("kill", "stop", "pause", "isolate", "partition")
#: Seconds before the fault, at least between the fault and the part's return, and after that until the end.
BEFORE, LEAST, AFTER = 6.0, 10.0, 14.0
OTHERS = {"writer": "reader", "primary": "replica", "leader": "follower", "active": "standby"}


class Fault(NamedTuple):
    """What is broken: the kind, whom, and who is on the other side of a partition."""

    kind: str
    selector: str
    others: tuple[str, ...] = ()


class Times(NamedTuple):
    """When it is broken and when it comes back, in seconds since the run began."""

    strikes: float
    returns: float


def fault(text: str) -> Fault:
    """`kill:galera:writer` as a fault. Raises BadNameError.

    The other side of a partition are those of the same role that do not lead: still everybody else reaches both.
    """
    kind, colon, selector = text.partition(":")
    if kind not in KINDS or not colon or not selector:
        raise BadNameError(f"{text!r} is no fault: say {', '.join(KINDS)}, and whom, as in kill:galera:writer.")
    if kind != "partition":
        return Fault(kind, selector)
    role, _, which = selector.rpartition(":")
    if which not in OTHERS:
        raise BadNameError(f"A partition here is between one that leads and the others of its role, not {selector!r}.")
    return Fault(kind, selector, (f"{role}:{OTHERS[which]}",))


def times(seconds: float) -> Times:
    """When in a run of so many seconds. Raises BadNameError where it is too short."""
    if seconds < BEFORE + LEAST + AFTER:
        raise BadNameError(f"A run of {seconds:.0f} s is too short: {BEFORE + LEAST + AFTER:.0f} s at least.")
    return Times(BEFORE, seconds - AFTER)

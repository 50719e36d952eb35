"""The states of a placement group on one OSD, as a table: what may follow what, and why.

Names are Ceph's. Its GetInfo, GetLog and GetMissing are one exchange here, because logs are short: GetInfo.
"""

from __future__ import annotations

from enum import StrEnum


class PgState(StrEnum):
    """Where one OSD is with one placement group."""

    RESET = "Reset"
    STRAY = "Stray"
    REPLICA_ACTIVE = "ReplicaActive"
    GET_INFO = "GetInfo"
    DOWN = "Down"
    PEERED = "Peered"
    GET_LISTING = "GetListing"
    WAIT_UP_THRU = "WaitUpThru"
    WAIT_LEASE = "WaitLease"
    ACTIVATING = "Activating"
    RECOVERING = "Recovering"
    CLEAN = "Clean"


S = PgState
#: (state, event) -> next state. Any state goes to Reset with a new interval.
TRANSITIONS: dict[tuple[PgState, str], PgState] = {
    (S.RESET, "is primary"): S.GET_INFO,
    (S.RESET, "is replica or stray"): S.STRAY,
    (S.STRAY, "activated by the primary"): S.REPLICA_ACTIVE,
    (S.REPLICA_ACTIVE, "activated by the primary"): S.REPLICA_ACTIVE,
    (S.GET_INFO, "an interval that may have written has nobody up"): S.DOWN,
    (S.DOWN, "somebody of it is up"): S.GET_INFO,
    (S.GET_INFO, "fewer than min_size act"): S.PEERED,
    (S.GET_INFO, "own log is too old"): S.GET_LISTING,
    (S.GET_LISTING, "the authority went away"): S.GET_INFO,
    (S.GET_LISTING, "own objects compared"): S.WAIT_UP_THRU,
    (S.GET_INFO, "logs merged"): S.WAIT_UP_THRU,
    (S.WAIT_UP_THRU, "the map says alive"): S.WAIT_LEASE,
    (S.WAIT_LEASE, "earlier leases are over"): S.ACTIVATING,
    (S.ACTIVATING, "all have activated"): S.RECOVERING,
    (S.RECOVERING, "nothing is missing"): S.CLEAN,
    (S.CLEAN, "a copy is damaged or missing"): S.RECOVERING,
} | {(state, "new interval"): S.RESET for state in PgState}

#: A primary in these states serves clients.
ACTIVE = frozenset({S.RECOVERING, S.CLEAN})


class IllegalTransition(Exception):
    """A bug: the table knows no such step."""


def next_state(state: PgState, event: str) -> PgState:
    """The state after an event. Raises IllegalTransition, and nothing has changed then."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(f"{state.value}: {event}") from None

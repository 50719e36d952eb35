"""The life of a volume at a server as a table: what is to be done next, and what its end leads to.

The invariant: an attachment is in a state other than *attached* and *detached* exactly while somebody has to do
something for it, and every (status, outcome) has one next state. The row is the work item: whichever process dies, some
conductor goes on, and it ends attached on both sides or detached on both sides (docs/decisions/0002).

```
creating -> reserving -> connecting -> attaching -> completing -> attached
    |           |            |             |            |            |
    |           |            |             +-> detaching <-----------+
    +-----------+------------+----------------> releasing -> (deleting) -> detached
```
"""

from __future__ import annotations

from enum import StrEnum


class AttachmentStatus(StrEnum):
    """What is to be done. Each step may be repeated, by anybody."""

    CREATING = "creating"  # make the volume, wait until it is available
    RESERVING = "reserving"  # keep it for this server, at the volume service
    CONNECTING = "connecting"  # tell the volume service the host, learn how to reach the volume
    ATTACHING = "attaching"  # tell the host
    COMPLETING = "completing"  # tell the volume service that the server has it
    ATTACHED = "attached"
    DETACHING = "detaching"  # tell the host
    RELEASING = "releasing"  # give it back to the volume service
    DELETING = "deleting"  # the volume goes with the server
    DETACHED = "detached"


S = AttachmentStatus

#: At rest: nothing is to be done.
RESTING = frozenset({S.ATTACHED, S.DETACHED})
#: The server no longer has the volume, and the volume service knows.
RELEASED = frozenset({S.DELETING, S.DETACHED})
#: Whatever the host should have of the volume, it should have no longer.
NOT_AT_THE_HOST = frozenset({S.RELEASING}) | RELEASED
#: On the way out.
LEAVING = frozenset({S.DETACHING, S.RELEASING}) | RELEASED
#: What the volume service has noted of a host that is no longer the server's; to be done again for another one.
ON_A_HOST = frozenset({S.ATTACHING, S.COMPLETING, S.ATTACHED})

#: (status, whether it succeeded) -> the status after it. What has no end in failure is tried until it succeeds.
OUTCOMES: dict[tuple[AttachmentStatus, bool], AttachmentStatus] = {
    (S.CREATING, True): S.RESERVING,
    (S.CREATING, False): S.RELEASING,
    (S.RESERVING, True): S.CONNECTING,
    (S.RESERVING, False): S.RELEASING,
    (S.CONNECTING, True): S.ATTACHING,
    (S.CONNECTING, False): S.RELEASING,
    (S.ATTACHING, True): S.COMPLETING,
    (S.ATTACHING, False): S.DETACHING,
    (S.COMPLETING, True): S.ATTACHED,
    (S.COMPLETING, False): S.DETACHING,
    (S.DETACHING, True): S.RELEASING,
    (S.RELEASING, True): S.DETACHED,
    (S.DELETING, True): S.DETACHED,
    (S.DELETING, False): S.DETACHED,  # it cannot be deleted (it has snapshots, say): it stays, as a volume of its own
}

#: The order that a status gives to the host.
ORDERS: dict[AttachmentStatus, str] = {S.ATTACHING: "attach_volume", S.DETACHING: "detach_volume"}


class IllegalTransition(Exception):
    """The table has no such edge; nothing was changed."""


def after(status: AttachmentStatus, *, succeeded: bool, delete_volume: bool = False) -> AttachmentStatus:
    """The status after this step. `delete_volume`: the volume is to go too. Raises IllegalTransition."""
    try:
        following = OUTCOMES[status, succeeded]
    except KeyError:
        raise IllegalTransition(f"{status} cannot end with succeeded={succeeded}") from None
    return S.DELETING if status is S.RELEASING and delete_volume else following

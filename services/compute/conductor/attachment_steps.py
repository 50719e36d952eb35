"""The steps of an attachment: one request to the volume service, or one order to a host. Each may be repeated.

Where repeating would make a second thing, the step looks for the first one before; and what two conductors made at the
same moment is cleared away by a later step.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from services.compute.attachment_states import AttachmentStatus
from services.compute.conductor.attachment_claims import Claim
from services.compute.sealed import Seal
from services.compute.volume_service import Refused, VolumeService
from services.platform.faults import Unavailable

log = logging.getLogger(__name__)

S = AttachmentStatus

#: What a volume's status says of its making.
_MAKING = frozenset({"creating", "downloading"})
#: So often the volume service is asked for what it does not want to do just now.
_ATTEMPTS = 30


@dataclass(frozen=True, slots=True)
class Done:
    """The step has succeeded; `facts` are columns of the row that are known now."""

    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Progress:
    """The step goes on, with these facts."""

    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Failed:
    """It will never succeed."""

    problem: str


@dataclass(frozen=True, slots=True)
class Later:
    """Not yet."""

    pause: timedelta = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Tell:
    """The host is to carry out the order, and will report."""


Result = Done | Progress | Failed | Later | Tell


class Steps:
    """What each status asks for, done at the volume service."""

    def __init__(self, volumes: VolumeService, seal: Seal) -> None:
        self._volumes, self._seal = volumes, seal
        self._by_status: dict[AttachmentStatus, Callable[[Claim], Result]] = {
            S.CREATING: self._create,
            S.RESERVING: self._reserve,
            S.CONNECTING: self._connect,
            S.ATTACHING: self._attach,
            S.COMPLETING: self._complete,
            S.DETACHING: self._detach,
            S.RELEASING: self._release,
            S.DELETING: self._delete,
        }

    def take(self, claim: Claim) -> Result:
        """Do what the claim's status says. Raises Unavailable: then it is to be tried again."""
        try:
            return self._by_status[claim.status](claim)
        except Refused as refused:
            if claim.status is not S.RELEASING:
                return Failed(refused.message)
            if claim.failures < _ATTEMPTS:
                return Later()
            log.warning("volume %s of %s cannot be released: %s", claim.volume_id, claim.instance_id, refused.message)
            return Done({})  # nobody's deletion hangs on it; `strays` comes back to it

    def undo(self, claim: Claim, result: Result, known: set[str | None]) -> None:
        """Take back what a step has made that was called off meanwhile. What this cannot do, `strays` will."""
        facts = result.facts if isinstance(result, Done | Progress) else {}
        with contextlib.suppress(Refused, Unavailable):
            if claim.status is S.RESERVING and facts.get("attachment_id") not in known | {None}:
                self._volumes.release(facts["attachment_id"])
            if claim.status is S.CREATING and facts.get("volume_id") not in known | {None}:
                self._volumes.delete(facts["volume_id"])

    def _create(self, claim: Claim) -> Result:
        if claim.volume_id is None:
            made = self._volumes.named(claim.volume_name, claim.project_id)
            return Progress({"volume_id": made[0].id if made else self._new_volume(claim)})
        volume = self._volumes.show(claim.volume_id)
        if volume is None:
            return Failed(f"Volume {claim.volume_id} was deleted while it was being made.")
        if volume.status in _MAKING:
            return Later(timedelta(seconds=0.3))
        if volume.status != "available":
            return Failed(f"Volume {claim.volume_id} did not finish being created: it is {volume.status}.")
        return Done({})

    def _new_volume(self, claim: Claim) -> str:
        token = self._seal.open(claim.sealed_token or "")
        if token is None:
            raise Refused("Nobody's token is left to make the volume with. Create the server again.")
        wanted: dict[str, Any] = {"name": claim.volume_name, "size": claim.volume_size}
        if claim.source_type == "image":
            wanted["imageRef"] = claim.source_id
        elif claim.source_type == "snapshot":
            wanted["snapshot_id"] = claim.source_id
        if claim.volume_type:
            wanted["volume_type"] = claim.volume_type
        return self._volumes.create(wanted, token)

    def _reserve(self, claim: Claim) -> Result:
        made = self._mine(claim)
        return Done({"attachment_id": made[0] if made else self._volumes.reserve(_volume(claim), claim.instance_id)})

    def _mine(self, claim: Claim) -> list[str]:
        """The attachments of this volume at this server. Everybody takes the first; there should be no others."""
        return sorted(one.id for one in self._volumes.attachments(claim.instance_id, _volume(claim)))

    def _connect(self, claim: Claim) -> Result:
        connector = {
            "host": claim.host,
            "ip": claim.host_ip,
            "mountpoint": claim.device,
            "os_type": "linux",
            "platform": "x86_64",
            "multipath": False,
        }
        return Done({"connection": self._volumes.connect(claim.attachment_id or "", connector)})

    def _attach(self, claim: Claim) -> Result:
        if not claim.has_guest:
            return Done({})  # it will be made with its volumes
        return Tell() if claim.host_is_up else Later()

    def _complete(self, claim: Claim) -> Result:
        self._volumes.complete(claim.attachment_id or "")
        for other in self._mine(claim):
            if other != claim.attachment_id:
                self._volumes.release(other)
        return Done({})

    def _detach(self, claim: Claim) -> Result:
        if not claim.has_guest:
            return Done({})
        return Tell() if claim.host_is_up else Later()

    def _release(self, claim: Claim) -> Result:
        if claim.volume_id is None:
            made = self._volumes.named(claim.volume_name, claim.project_id)
            return Progress({"volume_id": made[0].id}) if made else Done({})
        for attachment_id in {*self._mine(claim), claim.attachment_id or ""} - {""}:
            self._volumes.release(attachment_id)
        return Done({})

    def _delete(self, claim: Claim) -> Result:
        volume = self._volumes.show(claim.volume_id) if claim.volume_id else None
        if volume is None or volume.status == "deleting":
            return Done({})
        try:
            self._volumes.delete(volume.id)
        except Refused as refused:
            if claim.failures < _ATTEMPTS and volume.status not in ("available", "error"):
                return Later()
            log.warning("volume %s stays: %s", volume.id, refused.message)
            return Failed(refused.message)
        return Done({})


def _volume(claim: Claim) -> str:
    if claim.volume_id is None:
        raise Refused("There is no volume yet.")
    return claim.volume_id

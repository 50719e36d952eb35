"""Volumes come and go: what the conductor does with the attachments it is hinted at, or finds overdue.

A step is taken in one transaction, done, and its end stored in another. A conductor that dies in between leaves a claim
that ends by itself; the next one does the step again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from services.compute import topics
from services.compute.attachment_states import LEAVING, RELEASED, AttachmentStatus
from services.compute.attachments import PATIENCE, attachments_of, find_pair, finish_step, status_of
from services.compute.conductor import attachment_claims as claims
from services.compute.conductor.advance import begin_spawn
from services.compute.conductor.attachment_claims import Claim, Lost
from services.compute.conductor.attachment_steps import Done, Failed, Later, Progress, Result, Steps, Tell
from services.compute.instances import fail
from services.compute.models import Instance, VolumeAttachment
from services.compute.settings import ComputeSettings
from services.compute.states import Task
from services.platform.database import Transactor
from services.platform.faults import Unavailable
from services.platform.hints import Hinter
from services.platform.times import utcnow

log = logging.getLogger(__name__)

#: How long after the volume service was found away it is asked again.
AWAY = timedelta(seconds=1)


@dataclass(slots=True)
class After:
    """What follows a stored end: whether the row has more to do, and the instances that may go on now."""

    more: bool = False
    instances: list[str] = field(default_factory=list)


class Attaching:
    """Takes attachments as far as they can go now. Any conductor, at any time, any number of times."""

    def __init__(
        self,
        transactor: Transactor,
        hints: Hinter,
        steps: Steps,
        settings: ComputeSettings,
        clock: Callable[[], datetime] = utcnow,
    ) -> None:
        self._transactor, self._hints, self._steps, self._settings = transactor, hints, steps, settings
        self._now = clock

    def work(self, attachment_ids: Sequence[str]) -> None:
        """Do for each of the attachments what its row says is to be done."""
        for attachment_id in attachment_ids:
            self._go_on(attachment_id)

    def sweep(self) -> None:
        """Find attachments whose last step was too long ago: the net under every lost hint."""
        self.work(self._transactor.read(lambda session: claims.overdue(session, self._now())))

    def outcome(self, host: str, outcome: dict[str, Any]) -> None:
        """A host has carried out an order about a volume, or could not."""
        again = self._transactor.write(lambda session: self._note(session, host, outcome, self._now()))
        self.work([again] if again else [])

    def _go_on(self, attachment_id: str) -> None:
        down_after = self._settings.down_after_seconds
        while claim := self._transactor.write(
            lambda session: claims.take(session, attachment_id, self._now(), down_after)
        ):
            if not self._step(claim):
                return

    def _step(self, claim: Claim) -> bool:
        """Do one step; whether there is another one right away."""
        result = self._do(claim)
        try:
            after = self._transactor.write(lambda session: self._store(session, claim, result, self._now()))
        except Lost as lost:
            log.info("called off meanwhile: %s", lost)
            self._undo(claim, result)
            return False
        if isinstance(result, Tell):
            self._hints.send(topics.agent(claim.host), "obey", orders=[claim.order])
        if after.instances:
            self._hints.send(topics.CONDUCTOR, "advance", instance_ids=after.instances)
        return after.more

    def _do(self, claim: Claim) -> Result:
        try:
            return self._steps.take(claim)
        except Unavailable as fault:
            log.info("%s of %s waits: %s", claim.status, claim.id, fault.message)
            return Later(AWAY)

    def _undo(self, claim: Claim, result: Result) -> None:
        """What was made for a server that no longer wants it goes; where somebody else goes on, it may be his."""
        row = self._transactor.read(lambda session: session.get(VolumeAttachment, claim.id))
        if row is not None and status_of(row) in LEAVING:
            self._steps.undo(claim, result, known={row.volume_id, row.attachment_id})

    def _store(self, session: Session, claim: Claim, result: Result, now: datetime) -> After:
        match result:
            case Later(pause):
                claims.put_back(session, claim, now, pause, failed=True)
                return After()
            case Tell():
                claims.put_back(session, claim, now, PATIENCE)
                return After()
            case Progress(facts):
                _learn(claims.held(session, claim), facts)
                claims.put_back(session, claim, now, PATIENCE)
                return After(more=True)
            case Done(facts):
                row = claims.held(session, claim)
                _learn(row, facts)
                return _finish(session, row, "", now)
            case Failed(problem):
                return _finish(session, claims.held(session, claim), problem, now)

    def _note(self, session: Session, host: str, outcome: dict[str, Any], now: datetime) -> str | None:
        """Store what a host reports; the row that there is more to do for."""
        row = find_pair(session, outcome["instance_id"], outcome["volume_id"])
        instance = session.get(Instance, outcome["instance_id"])
        if row is None or not claims.answers(row, instance, host, outcome["op"], outcome["order"]):
            log.info("late report of %s of %s from %s", outcome["order"], outcome["volume_id"], host)
            return None
        if not outcome["succeeded"] and status_of(row) is AttachmentStatus.DETACHING:
            return None  # stays to be done; the sweep orders it again
        problem = "" if outcome["succeeded"] else outcome["message"] or "The host could not do it."
        return row.id if _finish(session, row, problem, now).more else None


def _learn(row: VolumeAttachment, facts: dict[str, Any]) -> None:
    for name, value in facts.items():
        setattr(row, name, value)


def _finish(session: Session, row: VolumeAttachment, problem: str, now: datetime) -> After:
    """The step is over. What it means for the server: its build may go on, or fail; its deletion may end."""
    finish_step(session, row, succeeded=not problem, problem=problem, now=now)
    log.info("volume %s at %s is %s %s", row.volume_id, row.instance_id, row.status, problem)
    after = After(more=row.check_at is not None)
    instance = session.get(Instance, row.instance_id)
    if instance is None:
        return after
    if instance.task_state == Task.BLOCK_DEVICE_MAPPING:
        if status_of(row) in LEAVING:
            fail(session, instance, f"Build of instance {instance.id} aborted: {problem}", "", now)
        elif begin_spawn(session, instance, now):
            after.instances.append(instance.id)
    elif instance.task_state == Task.DELETING and all(
        status_of(other) in RELEASED for other in attachments_of(session, [instance.id])
    ):
        instance.check_at = now + PATIENCE
        after.instances.append(instance.id)
    return after

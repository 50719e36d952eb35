"""Carrying out the plan: what the conductor does with the instances it is hinted at, or finds overdue."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.compute import topics
from services.compute.attachments import attachments_of, begin_work, is_prepared, volume_spec
from services.compute.conductor.plan import (
    AskScheduler,
    FinishDelete,
    GiveUp,
    GiveUpImage,
    PrepareVolumes,
    TellAgent,
    TryElsewhere,
    Wait,
    next_step,
)
from services.compute.hosts import hosts_up
from services.compute.instances import STEP_PATIENCE, end_delete, end_image_step, fail, release, try_elsewhere
from services.compute.models import Instance
from services.compute.server_images import wanted_image
from services.compute.settings import ComputeSettings
from services.compute.states import IMAGE_STEPS, ORDERS, Task
from services.platform.database import Transactor
from services.platform.hints import Hinter
from services.platform.times import utcnow

log = logging.getLogger(__name__)

SWEEP_BATCH = 200


@dataclass(slots=True)
class Messages:
    """What is to be said when the transaction is over."""

    to_schedule: list[str] = field(default_factory=list)
    attachments: list[str] = field(default_factory=list)
    orders: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    def tell(self, instance: Instance, order: dict[str, Any]) -> None:
        self.orders[instance.host or ""].append(order)


def order_for(session: Session, instance: Instance, order: str) -> dict[str, Any]:
    """The message to an agent: all it needs, since it has no database."""
    spec = {
        "name": instance.name,
        "hostname": instance.hostname,
        "project_id": instance.project_id,
        "vcpus": instance.flavor["vcpus"],
        "memory_mb": instance.flavor["memory_mb"],
        "disk_gb": instance.flavor["disk_gb"],
        "image_ref": instance.image_ref,
    }
    if order == ORDERS[Task.SPAWNING]:
        spec["volumes"] = [volume_spec(row) for row in attachments_of(session, [instance.id])]
    if instance.task_state in IMAGE_STEPS and (image := wanted_image(session, instance.id)) is not None:
        spec["new_image"] = image.id
    return {
        "instance_id": instance.id,
        "op": instance.op,
        "order": order,
        "request_id": instance.request_id,
        "spec": spec,
    }


class Advance:
    """Takes instances one step further. Every step may be repeated, by any conductor, at any time."""

    def __init__(self, transactor: Transactor, hints: Hinter, settings: ComputeSettings) -> None:
        self._transactor, self._hints, self._settings = transactor, hints, settings

    def advance(self, instance_ids: Sequence[str]) -> None:
        """Do for each of the instances what its row says is to be done."""
        self._tell(self._transactor.write(lambda session: self._plan(session, instance_ids, utcnow())))

    def sweep(self) -> None:
        """Find instances whose last step was too long ago, and advance them: the net under every lost hint."""
        due = self._transactor.write(lambda session: take_overdue(session, utcnow()))
        if due:
            log.info("took over %d overdue: %s", len(due), ", ".join(due[:5]))
            self.advance(due)

    def _plan(self, session: Session, instance_ids: Sequence[str], now: datetime) -> Messages:
        rows = session.scalars(
            select(Instance)
            .where(Instance.id.in_(instance_ids), Instance.task_state.is_not(None))
            .order_by(Instance.number)
        ).all()
        up = hosts_up(session, {row.host for row in rows}, now, self._settings.down_after_seconds)
        messages = Messages()
        for row in rows:
            task = Task(row.task_state or "")
            step = next_step(
                task,
                row.host,
                row.tried,
                host_up=row.host in up,
                build_attempts=self._settings.build_attempts,
                waited=now - (row.updated_at or now),
            )
            match step:
                case AskScheduler():
                    messages.to_schedule.append(row.id)
                case PrepareVolumes():
                    messages.attachments += begin_work(session, row, now)
                    if begin_spawn(session, row, now):
                        messages.tell(row, order_for(session, row, ORDERS[Task.SPAWNING]))
                case TellAgent(_, order):
                    messages.tell(row, order_for(session, row, order))
                case TryElsewhere(dead_host):
                    log.warning("instance %s: %s died in mid-build; trying another host", row.id, dead_host)
                    try_elsewhere(session, row, now)
                    messages.to_schedule.append(row.id)
                case GiveUp(reason):
                    release(session, row.id)
                    fail(session, row, reason, "", now)
                case GiveUpImage(reason):
                    end_image_step(session, row, reason, now)
                case FinishDelete():
                    messages.attachments += end_delete(session, row, now)
                case Wait():
                    log.info("instance %s waits for %s to come back", row.id, row.host)
        return messages

    def _tell(self, messages: Messages) -> None:
        if messages.to_schedule:
            self._hints.send(topics.SCHEDULER, "schedule", instance_ids=messages.to_schedule)
        if messages.attachments:
            self._hints.send(topics.CONDUCTOR, "attachments", attachment_ids=messages.attachments)
        for host, commands in messages.orders.items():
            self._hints.send(topics.agent(host), "obey", orders=commands)


def begin_spawn(session: Session, instance: Instance, now: datetime) -> bool:
    """Go on to the guest itself, where all of its volumes are ready.

    Moves the instance's generation in any case: of two volumes that become ready at once, the second sees the first.
    """
    instance.check_at = now + STEP_PATIENCE
    if not is_prepared(attachments_of(session, [instance.id])):
        return False
    instance.task_state = Task.SPAWNING
    return True


def take_overdue(session: Session, now: datetime) -> list[str]:
    """The instances that nobody has advanced in time. Moving `check_at` under the row's generation means that of two
    conductors that sweep at once, one takes each row."""
    rows = session.scalars(
        select(Instance).where(Instance.check_at < now).order_by(Instance.check_at).limit(SWEEP_BATCH)
    ).all()
    for row in rows:
        row.check_at = now + STEP_PATIENCE
    return [row.id for row in rows]

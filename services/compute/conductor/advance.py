"""Carrying out the plan: what the conductor does with the instances it is hinted at, or finds overdue."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.compute import topics
from services.compute.conductor.plan import AskScheduler, FinishDelete, GiveUp, TellAgent, TryElsewhere, Wait, next_step
from services.compute.hosts import COMPUTE_BINARY, is_up
from services.compute.instances import STEP_PATIENCE, end_task, fail, release
from services.compute.models import Instance, Service
from services.compute.settings import ComputeSettings
from services.compute.states import Power, Task
from services.platform.database import Transactor
from services.platform.hints import Hinter
from services.platform.times import utcnow

log = logging.getLogger(__name__)

SWEEP_BATCH = 200


def order_for(instance: Instance, order: str) -> dict[str, Any]:
    """The message to an agent: all it needs, since it has no database."""
    return {
        "instance_id": instance.id,
        "op": instance.op,
        "order": order,
        "request_id": instance.request_id,
        "spec": {
            "name": instance.name,
            "project_id": instance.project_id,
            "vcpus": instance.flavor["vcpus"],
            "memory_mb": instance.flavor["memory_mb"],
            "disk_gb": instance.flavor["disk_gb"],
            "image_ref": instance.image_ref,
        },
    }


class Advance:
    """Takes instances one step further. Every step may be repeated, by any conductor, at any time."""

    def __init__(self, transactor: Transactor, hints: Hinter, settings: ComputeSettings) -> None:
        self._transactor, self._hints, self._settings = transactor, hints, settings

    def advance(self, instance_ids: Sequence[str]) -> None:
        """Do for each of the instances what its row says is to be done."""
        to_schedule, orders = self._transactor.write(lambda session: self._plan(session, instance_ids, utcnow()))
        self._tell(to_schedule, orders)

    def sweep(self) -> None:
        """Find instances whose last step was too long ago, and advance them: the net under every lost hint."""
        due = self._transactor.write(lambda session: take_overdue(session, utcnow()))
        if due:
            log.info("took over %d overdue: %s", len(due), ", ".join(due[:5]))
            self.advance(due)

    def _plan(
        self, session: Session, instance_ids: Sequence[str], now: datetime
    ) -> tuple[list[str], dict[str, list[dict[str, Any]]]]:
        rows = session.scalars(
            select(Instance)
            .where(Instance.id.in_(instance_ids), Instance.task_state.is_not(None))
            .order_by(Instance.number)
        ).all()
        up = self._hosts_up(session, {row.host for row in rows if row.host}, now)
        to_schedule: list[str] = []
        orders: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            task = Task(row.task_state or "")
            step = next_step(
                task, row.host, row.tried, host_up=row.host in up, build_attempts=self._settings.build_attempts
            )
            match step:
                case AskScheduler():
                    to_schedule.append(row.id)
                case TellAgent(host, order):
                    orders[host].append(order_for(row, order))
                case TryElsewhere(dead_host):
                    log.warning("instance %s: %s died in mid-build; trying another host", row.id, dead_host)
                    try_elsewhere(session, row, now)
                    to_schedule.append(row.id)
                case GiveUp(reason):
                    release(session, row.id)
                    fail(session, row, reason, "", now)
                case FinishDelete():
                    end_task(session, row, succeeded=True, power=Power.NOSTATE, now=now)
                case Wait():
                    log.info("instance %s waits for %s to come back", row.id, row.host)
        return to_schedule, orders

    def _hosts_up(self, session: Session, hosts: Iterable[str], now: datetime) -> set[str]:
        wanted = list(hosts)
        if not wanted:
            return set()
        services = session.scalars(
            select(Service).where(Service.binary == COMPUTE_BINARY, Service.host.in_(wanted))
        ).all()
        down_after = self._settings.down_after_seconds
        return {row.host for row in services if is_up(row.last_seen_at, row.forced_down, now, down_after)}

    def _tell(self, to_schedule: list[str], orders: dict[str, list[dict[str, Any]]]) -> None:
        if to_schedule:
            self._hints.send(topics.SCHEDULER, "schedule", instance_ids=to_schedule)
        for host, commands in orders.items():
            self._hints.send(topics.agent(host), "obey", orders=commands)


def try_elsewhere(session: Session, row: Instance, now: datetime) -> None:
    """Take a build away from its host: the old order's number no longer counts."""
    release(session, row.id)
    row.tried = [*row.tried, row.host]
    row.host = None
    row.task_state = Task.SCHEDULING
    row.op += 1
    row.check_at = now + STEP_PATIENCE


def take_overdue(session: Session, now: datetime) -> list[str]:
    """The instances that nobody has advanced in time. Moving `check_at` under the row's generation means that of two
    conductors that sweep at once, one takes each row."""
    rows = session.scalars(
        select(Instance).where(Instance.check_at < now).order_by(Instance.check_at).limit(SWEEP_BATCH)
    ).all()
    for row in rows:
        row.check_at = now + STEP_PATIENCE
    return [row.id for row in rows]

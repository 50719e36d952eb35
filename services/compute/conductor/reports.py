"""What agents report: life and capacity, the end of an order, the guests they have."""

from __future__ import annotations

import logging
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.compute import topics
from services.compute.attachment_states import NOT_AT_THE_HOST
from services.compute.attachments import attachment_order
from services.compute.hosts import COMPUTE_BINARY
from services.compute.instances import end_delete, end_image_step, end_task, fail, try_elsewhere
from services.compute.liveness import report_life
from services.compute.models import ComputeNode, Instance, VolumeAttachment
from services.compute.settings import ComputeSettings
from services.compute.states import IMAGE_STEPS, ORDERS, Power, Task
from services.platform.database import Transactor
from services.platform.hints import Hinter
from services.platform.times import utcnow

log = logging.getLogger(__name__)

_NAMESPACE = uuid.UUID("5f0c8a52-1d2e-4b53-9a3b-6d1d7f1c0a02")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one order on one host."""

    instance_id: str
    op: int
    order: str
    succeeded: bool
    power: str
    message: str = ""

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Outcome:
        return cls(**body)


@dataclass(frozen=True, slots=True)
class After:
    """What follows a stored outcome: whether the instance needs another host, or has another step to be ordered, and
    the attachments that there is work for now."""

    needs_a_host: bool = False
    goes_on: bool = False
    attachments: list[str] = field(default_factory=list)


def answers_the_task(outcome: Outcome, host: str, row: Instance) -> bool:
    """Whether the outcome is of the order that the row waits for, and not of an older one or of another host."""
    return (
        row.task_state is not None
        and row.host == host
        and row.op == outcome.op
        and ORDERS.get(Task(row.task_state)) == outcome.order
    )


class Reports:
    """Stores what agents report."""

    def __init__(self, transactor: Transactor, hints: Hinter, settings: ComputeSettings) -> None:
        self._transactor, self._hints, self._settings = transactor, hints, settings

    def outcome(self, host: str, outcome: dict[str, Any]) -> None:
        """An order is done, or has failed."""
        parsed = Outcome.parse(outcome)
        after = self._transactor.write(lambda session: self._store(session, host, parsed, utcnow()))
        if after.needs_a_host:
            self._hints.send(topics.SCHEDULER, "schedule", instance_ids=[parsed.instance_id])
        if after.goes_on:
            self._hints.send(topics.CONDUCTOR, "advance", instance_ids=[parsed.instance_id])
        if after.attachments:
            self._hints.send(topics.CONDUCTOR, "attachments", attachment_ids=after.attachments)

    def _store(self, session: Session, host: str, outcome: Outcome, now: datetime) -> After:
        row = session.get(Instance, outcome.instance_id)
        if row is None or not answers_the_task(outcome, host, row):
            log.info("late report of %s for %s from %s", outcome.order, outcome.instance_id, host)
            return After()
        problem = "" if outcome.succeeded else outcome.message or "The host could not do it."
        if row.task_state in IMAGE_STEPS:
            return After(goes_on=end_image_step(session, row, problem, now))
        if outcome.succeeded and row.task_state == Task.DELETING:
            return After(attachments=end_delete(session, row, now))
        if outcome.succeeded:
            end_task(session, row, succeeded=True, power=Power(outcome.power), now=now)
            log.info("instance %s is %s", row.id, row.vm_state)
            return After()
        if row.task_state == Task.DELETING:
            return After()  # stays to be done; the sweep orders it again
        if row.task_state == Task.SPAWNING and len(row.tried) + 1 < self._settings.build_attempts:
            try_elsewhere(session, row, now)
            return After(needs_a_host=True)
        fail(session, row, problem, f"on host {host}", now)
        return After()

    def life(self, host: str, capacity: dict[str, Any]) -> None:
        """The agent on `host` lives and has so much to offer."""
        self._transactor.write(lambda session: note_host(session, host, capacity, utcnow()))

    def inventory(self, host: str, guests: dict[str, int], volumes: dict[str, dict[str, int]] | None = None) -> None:
        """`guests` (instance id -> number of the last order) run on `host`: those that should not are destroyed.

        `volumes` (instance id -> volume id -> number of the last order) are there: those that should not are detached.
        """
        strays = self._transactor.read(
            lambda session: find_strays(session, host, guests) + find_stray_volumes(session, host, volumes or {})
        )
        if strays:
            log.warning("%s still has %d guests or volumes that belong elsewhere or are gone", host, len(strays))
            self._hints.send(topics.agent(host), "obey", orders=strays)


def note_host(session: Session, host: str, capacity: Mapping[str, Any], now: datetime) -> None:
    """Record a host's life, and its capacity where that is news. Raises KeyError on an incomplete report."""
    report_life(session, COMPUTE_BINARY, host, now)
    node = session.get(ComputeNode, host)
    if node is None:
        node = ComputeNode(
            host=host,
            # Nova's older API knows hypervisors by an integer; one that follows from the name needs no counter.
            id=zlib.crc32(host.encode()) & 0x7FFFFFFF,
            uuid=str(uuid.uuid5(_NAMESPACE, host)),
            cpu_ratio=4.0,
        )
        session.add(node)
    for name in ("vcpus", "memory_mb", "disk_gb", "hypervisor_type", "host_ip"):
        if getattr(node, name) != capacity[name]:
            setattr(node, name, capacity[name])


def find_strays(session: Session, host: str, guests: Mapping[str, int]) -> list[dict[str, Any]]:
    """Orders to destroy the guests of `host` whose rows say that they are elsewhere, or gone.

    A guest without any row is left alone: a database restored from an older copy must not cost anybody a disk.
    """
    strays = []
    for row in session.scalars(select(Instance).where(Instance.id.in_(guests))):
        op = guests[row.id]
        if row.deleted or (row.host is not None and row.host != host and row.op >= op):
            order = {"instance_id": row.id, "op": max(op, row.op) + 1, "order": "destroy", "spec": {}}
            strays.append({**order, "request_id": row.request_id})
    return strays


def find_stray_volumes(session: Session, host: str, volumes: Mapping[str, Mapping[str, int]]) -> list[dict[str, Any]]:
    """Orders to detach volumes from guests of `host` whose servers no longer have them."""
    instances = select(Instance.id).where(
        Instance.id.in_(volumes), Instance.host == host, Instance.task_state.is_(None)
    )
    rows = session.scalars(
        select(VolumeAttachment).where(
            VolumeAttachment.instance_id.in_(instances), VolumeAttachment.status.in_(NOT_AT_THE_HOST)
        )
    )
    return [
        attachment_order(row, "detach_volume")
        for row in rows
        if row.op > volumes[row.instance_id].get(row.volume_id or "", row.op)
    ]

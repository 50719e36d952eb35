"""The scheduler's transaction: read the hosts, decide, claim. All of it happens or nothing does.

A claim moves the generation of each host it touches. Two schedulers that decided on the same view of a host cannot
both commit: the second one's UPDATE finds another generation, its transaction runs again from the start and sees what
the first one took (optimistic concurrency, as in OpenStack Placement).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.compute.attachments import attachments_of
from services.compute.hosts import load_hosts
from services.compute.instances import STEP_PATIENCE, fail, resources_of
from services.compute.models import Allocation, ComputeNode, Instance
from services.compute.scheduler.filters import Wanted
from services.compute.scheduler.placement import NoValidHost, Placed, place
from services.compute.settings import ComputeSettings
from services.compute.states import Task

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Scheduled:
    """What became of a batch: the instances that now have a host, and those that have none."""

    placed: tuple[str, ...]
    failed: tuple[str, ...]


def wanted_of(instance: Instance) -> Wanted:
    """What an instance's row asks of a host."""
    return Wanted(
        resources=resources_of(instance),
        project_id=instance.project_id,
        zone=instance.requested_zone,
        host=instance.requested_host,
        extra_specs=instance.flavor["extra_specs"],
        avoid=frozenset(instance.tried),
    )


def schedule_batch(
    session: Session, instance_ids: Sequence[str], settings: ComputeSettings, now: datetime
) -> Scheduled:
    """Claim hosts for those of `instance_ids` that still wait for one; the others were somebody else's work already."""
    waiting = session.scalars(
        select(Instance)
        .where(Instance.id.in_(instance_ids), Instance.task_state == Task.SCHEDULING)
        .order_by(Instance.number)
    ).all()
    if not waiting:
        return Scheduled((), ())
    hosts = load_hosts(
        session, now, down_after=settings.down_after_seconds, default_zone=settings.default_availability_zone
    )
    decisions = place(hosts, {instance.id: wanted_of(instance) for instance in waiting})
    placed, failed = [], []
    for instance in waiting:
        match decisions[instance.id]:
            case Placed(host):
                _claim(session, instance, host, now)
                placed.append(instance.id)
            case NoValidHost(explanation):
                fail(session, instance, explanation, "", now)
                failed.append(instance.id)
    touched = {instance.host for instance in waiting if instance.id in placed}
    for node in session.scalars(select(ComputeNode).where(ComputeNode.host.in_(touched))):
        # The row was read before the decision, in this transaction: its generation is the one decided upon.
        node.changes += 1
    return Scheduled(tuple(placed), tuple(failed))


def _claim(session: Session, instance: Instance, host: str, now: datetime) -> None:
    taken = resources_of(instance)
    session.merge(
        Allocation(
            instance_id=instance.id,
            host=host,
            vcpus=taken.vcpus,
            memory_mb=taken.memory_mb,
            disk_gb=taken.disk_gb,
        )
    )
    instance.host = host
    instance.task_state = Task.BLOCK_DEVICE_MAPPING if attachments_of(session, [instance.id]) else Task.SPAWNING
    instance.check_at = now + STEP_PATIENCE
    log.info("instance %s goes to %s", instance.id, host)

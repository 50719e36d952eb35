"""Who works on which attachment: taking a step, and storing its end. Always inside somebody's transaction.

A claim is believed until the row's `check_at`. Whoever stores an end proves in the same transaction that the row still
waits for it; so of two conductors at the same step one ends it, and neither ends one that was called off.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.compute.attachment_states import ORDERS, RESTING, AttachmentStatus
from services.compute.attachments import attachment_order, has_a_guest, status_of
from services.compute.hosts import hosts_up
from services.compute.models import ComputeNode, Instance, VolumeAttachment
from services.compute.states import Task

#: A conductor that has not ended a step by then has died over it.
LEASE = timedelta(seconds=6)
SWEEP_BATCH = 100

S = AttachmentStatus
#: Steps that make no sense before the server has a host.
_NEED_HOST = frozenset({S.CREATING, S.RESERVING, S.CONNECTING, S.ATTACHING, S.COMPLETING})


class Lost(Exception):
    """The row waits for something else by now, or for somebody else."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt at a step, with all that it needs to know. `order` is what the host would be told."""

    id: str
    holder: str
    status: AttachmentStatus
    op: int
    failures: int
    instance_id: str
    project_id: str
    volume_id: str | None
    attachment_id: str | None
    device: str
    source_type: str
    source_id: str | None
    volume_size: int | None
    volume_type: str | None
    sealed_token: str | None
    host: str
    host_ip: str
    host_is_up: bool
    has_guest: bool
    order: dict[str, Any]

    @property
    def volume_name(self) -> str:
        """What a volume that is made for this server is called: so whoever goes on finds it."""
        return f"{self.instance_id}-{self.device.rpartition('/')[2]}"


def take(session: Session, attachment_id: str, now: datetime, down_after: float) -> Claim | None:
    """Claim what is to be done; None where that is nothing, or somebody is at it."""
    row = session.get(VolumeAttachment, attachment_id)
    if row is None or status_of(row) in RESTING or (row.holder and row.check_at is not None and row.check_at > now):
        return None
    instance = session.get(Instance, row.instance_id)
    if instance is None or (instance.task_state == Task.SCHEDULING and status_of(row) in _NEED_HOST):
        row.check_at = None  # whoever finds a host for the server wakes it up
        return None
    row.holder, row.check_at = str(uuid.uuid4()), now + LEASE
    node = session.get(ComputeNode, instance.host) if instance.host else None
    return Claim(
        id=row.id,
        holder=row.holder,
        status=status_of(row),
        op=row.op,
        failures=row.failures,
        instance_id=row.instance_id,
        project_id=instance.project_id,
        volume_id=row.volume_id,
        attachment_id=row.attachment_id,
        device=row.device,
        source_type=row.source_type,
        source_id=row.source_id,
        volume_size=row.volume_size,
        volume_type=row.volume_type,
        sealed_token=row.sealed_token,
        host=instance.host or "",
        host_ip=node.host_ip if node else "",
        host_is_up=bool(hosts_up(session, [instance.host], now, down_after)),
        has_guest=has_a_guest(instance),
        order=attachment_order(row, ORDERS.get(status_of(row), "")),
    )


def held(session: Session, claim: Claim) -> VolumeAttachment:
    """The row of a claim that still holds. Raises Lost."""
    row = session.get(VolumeAttachment, claim.id)
    if row is None or row.holder != claim.holder or row.op != claim.op or row.status != claim.status:
        raise Lost(f"{claim.status} of {claim.volume_id} at {claim.instance_id}")
    return row


def put_back(session: Session, claim: Claim, now: datetime, pause: timedelta, *, failed: bool = False) -> None:
    """Nothing has changed; somebody looks again after `pause`. Raises Lost."""
    row = held(session, claim)
    row.holder, row.check_at = None, now + pause
    row.failures += failed


def overdue(session: Session, now: datetime) -> list[str]:
    """Attachments that nobody is at: the hint was lost, the holder died, the pause is over."""
    due = select(VolumeAttachment.id).where(VolumeAttachment.check_at < now).order_by(VolumeAttachment.check_at)
    return list(session.scalars(due.limit(SWEEP_BATCH)))


def answers(row: VolumeAttachment | None, instance: Instance | None, host: str, op: int, order: str) -> bool:
    """Whether a host's report is of the order that the row waits for."""
    return (
        row is not None
        and instance is not None
        and instance.host == host
        and row.op == op
        and ORDERS.get(status_of(row)) == order
    )

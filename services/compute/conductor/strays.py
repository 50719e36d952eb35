"""The last net: attachments at the volume service that no server of ours knows of are given back.

A request that reserves a volume may arrive when everybody has given it up: its conductor died, the load balancer kept
it. Then the volume would be reserved for ever. Its row is taken up again, to be released like any other.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.compute.attachment_states import RELEASED, AttachmentStatus
from services.compute.attachments import find_pair, redirect, status_of
from services.compute.conductor.attaching import Attaching
from services.compute.models import Instance, VolumeAttachment
from services.compute.volume_service import AttachmentView, VolumeService
from services.platform.database import Transactor
from services.platform.times import utcnow

log = logging.getLogger(__name__)

#: A row that has changed since then may be newer than what the volume service was asked.
_YOUNG = timedelta(seconds=10)
_NAMESPACE = uuid.UUID("5f0c8a52-1d2e-4b53-9a3b-6d1d7f1c0a05")


class Strays:
    """Compares what the volume service has with the rows, and takes up what belongs to none."""

    def __init__(
        self,
        transactor: Transactor,
        volumes: VolumeService,
        attaching: Attaching,
        clock: Callable[[], datetime] = utcnow,
    ) -> None:
        self._transactor, self._volumes, self._attaching, self._now = transactor, volumes, attaching, clock

    def look(self) -> None:
        """Raises Unavailable, Refused."""
        found = self._volumes.attachments()
        strays, extra = self._transactor.write(lambda session: take_up(session, found, self._now()))
        if strays or extra:
            log.warning("%d volumes are attached to servers that do not have them", len(strays) + len(extra))
        for attachment_id in extra:
            self._volumes.release(attachment_id)
        self._attaching.work(strays)


def take_up(session: Session, found: Sequence[AttachmentView], now: datetime) -> tuple[list[str], list[str]]:
    """The rows that are to be released, and attachments that a server has besides its own of the same volume.

    Attachments of servers that this database never had are left alone.
    """
    ours = set(session.scalars(select(Instance.id).where(Instance.id.in_({one.instance_id for one in found}))))
    strays: list[str] = []
    extra: list[str] = []
    for one in found:
        if one.instance_id not in ours:
            continue
        row = find_pair(session, one.instance_id, one.volume_id)
        if row is None:
            row = _unknown(one, now)
            session.add(row)
            session.flush()
            strays.append(row.id)
        elif row.updated_at is not None and now - row.updated_at < _YOUNG:
            continue
        elif status_of(row) in RELEASED:
            redirect(row, AttachmentStatus.RELEASING, row.request_id, now)
            strays.append(row.id)
        elif status_of(row) is AttachmentStatus.ATTACHED and row.attachment_id != one.id:
            extra.append(one.id)
    return strays, extra


def _unknown(one: AttachmentView, now: datetime) -> VolumeAttachment:
    return VolumeAttachment(
        id=str(uuid.uuid5(_NAMESPACE, f"{one.instance_id}:{one.volume_id}")),
        number=time.time_ns(),
        instance_id=one.instance_id,
        volume_id=one.volume_id,
        attachment_id=one.id,
        device="",
        source_type="volume",
        status=AttachmentStatus.RELEASING,
        op=1,
        request_id="-",
        check_at=now,
        created_at=now,
        updated_at=now,
    )

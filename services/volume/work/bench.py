"""What work is done with, and how a piece of it ends."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from services.platform.database import Transactor
from services.volume.images import ImageData
from services.volume.models import Snapshot, UserMessage, Volume
from services.volume.settings import VolumeSettings
from services.volume.states import SnapshotStatus, Task, VolumeStatus, snapshot_outcome, volume_outcome
from services.volume.work import claims
from services.volume.work.claims import Claim
from storage.client.block_store import BlockStore

GIB = 1 << 30
_MESSAGE_DAYS = 30

#: Nowhere to put a volume of this type.
NO_BACKEND = "VOLUME_VOLUME_001_003"

#: The numbers of Cinder's catalogue of messages: what was tried, and what became of it.
_EVENTS = {
    Task.CREATE: "VOLUME_VOLUME_008_012",
    Task.DELETE: "VOLUME_VOLUME_006_001",
    Task.EXTEND: "VOLUME_VOLUME_007_010",
    Task.UPLOAD: "VOLUME_VOLUME_003_004",
    Task.REVERT: "VOLUME_VOLUME_011_001",
    Task.CREATE_SNAPSHOT: "VOLUME_VOLUME_SNAPSHOT_009_013",
    Task.DELETE_SNAPSHOT: "VOLUME_VOLUME_SNAPSHOT_010_016",
}


class Failed(Exception):
    """The work can never succeed; the text is for whoever asked for it. `event`: its number in Cinder's catalogue."""

    def __init__(self, message: str, event: str | None = None) -> None:
        super().__init__(message)
        self.event = event


class NotYet(Exception):
    """Something else must end first; the work is taken up again in a moment."""


@dataclass(frozen=True, slots=True)
class Bench:
    """One replica's tools."""

    transactor: Transactor
    store: BlockStore
    images: ImageData
    settings: VolumeSettings
    clock: Callable[[], datetime]
    #: The bytes of a volume's unit of size.
    unit: int = GIB

    def volume(self, volume_id: str) -> Volume:
        """The row as it is now. Raises Lost where there is none: then nothing can be to do for it."""

        def work(session: Session) -> Volume:
            row = session.get(Volume, volume_id)
            if row is None:
                raise claims.Lost(volume_id)
            return row

        return self.transactor.read(work)

    def snapshot(self, snapshot_id: str) -> Snapshot:
        def work(session: Session) -> Snapshot:
            row = session.get(Snapshot, snapshot_id)
            if row is None:
                raise claims.Lost(snapshot_id)
            return row

        return self.transactor.read(work)

    def end(self, claim: Claim, *, problem: Failed | None = None) -> None:
        """The work is over, well or (with a `problem`) not. Raises Lost, and then has changed nothing."""
        self.transactor.write(lambda session: end(session, claim, self.clock(), problem))


def end(session: Session, claim: Claim, now: datetime, problem: Failed | None) -> None:
    """Store the end of a piece of work: the state after it, and the reason where it failed."""
    claims.close(session, claim)
    if claim.task in (Task.CREATE_SNAPSHOT, Task.DELETE_SNAPSHOT):
        project_id = _end_snapshot(session, claim, now, succeeded=problem is None)
    else:
        project_id = _end_volume(session, claim, now, succeeded=problem is None)
    if problem is not None and project_id is not None:
        _explain(session, claim, project_id, problem, now)


def _end_volume(session: Session, claim: Claim, now: datetime, *, succeeded: bool) -> str | None:
    row = session.get(Volume, claim.resource_id)
    if row is None:
        return None
    previous = VolumeStatus(row.previous_status) if row.previous_status else None
    row.status = volume_outcome(claim.task, previous, succeeded=succeeded)
    row.previous_status = None
    row.updated_at = now
    if claim.task is Task.EXTEND and succeeded:
        row.size = int(claim.args["new_size"])
    if row.status == VolumeStatus.DELETED:
        row.deleted, row.deleted_at = True, now
    return row.project_id


def _end_snapshot(session: Session, claim: Claim, now: datetime, *, succeeded: bool) -> str | None:
    row = session.get(Snapshot, claim.resource_id)
    if row is None:
        return None
    row.status = snapshot_outcome(claim.task, succeeded=succeeded)
    row.updated_at = now
    if row.status == SnapshotStatus.DELETED:
        row.deleted, row.deleted_at = True, now
    return row.project_id


def _explain(session: Session, claim: Claim, project_id: str, problem: Failed, now: datetime) -> None:
    message_id = str(uuid.uuid5(uuid.UUID(claim.resource_id), f"{claim.task}:{claim.attempt}"))
    kind = "VOLUME_SNAPSHOT" if claim.task in (Task.CREATE_SNAPSHOT, Task.DELETE_SNAPSHOT) else "VOLUME"
    session.add(
        UserMessage(
            id=message_id,
            number=int(now.timestamp() * 1e6),
            project_id=project_id,
            request_id=claim.request_id,
            resource_type=kind,
            resource_uuid=claim.resource_id,
            event_id=problem.event or _EVENTS[claim.task],
            text=f"{claim.task}: {problem}",
            created_at=now,
            expires_at=now + timedelta(days=_MESSAGE_DAYS),
        )
    )
